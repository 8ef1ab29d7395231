"""Delay rates of the days before, by when outcomes were known rather than by when flights were scheduled."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from flights.transforms.sums import among, sums_before

# One zone for all: midnight must be the same instant for an outcome and for the flight that looks back on it.
ZONE = "America/New_York"
PRIOR_FLIGHTS = 25  # a rate counts as if that many average flights had been seen besides
GROUPS = {  # of each table of sums, by its columns
    ("carrier", "hour"): {"carrier_hour": ["carrier", "hour"], "carrier": ["carrier"], "hour": ["hour"], "all": []},
    ("origin", "dest"): {"route": ["origin", "dest"], "origin": ["origin"], "dest": ["dest"]},
}
FLIGHT = ["carrier", "flight", "origin"]
WINDOWS = {"7": (-7, -1), "28": (-28, -1)}  # days, the last of them the day before


def local_day(instant: str) -> Column:
    """Days since 1970 of an instant's date in ``ZONE``."""
    return F.unix_date(F.to_date(F.from_utc_timestamp(instant, ZONE)))


def with_late_rates(flights: DataFrame, legs: DataFrame, landed: DataFrame) -> DataFrame:
    """Add ``<group>_late_<days>``, the smoothed share of late flights, and ``flight_delay_28``, in minutes.

    Args:
        flights, legs: have ``known_at`` and the groups' columns. ``legs`` costs less to compute.
        landed: has ``known_at``, ``late`` (0 or 1), ``arr_delay`` and the groups' columns.
    """
    kept = flights.columns
    flights, legs, landed = (frame.withColumn("at", local_day("known_at")) for frame in (flights, legs, landed))
    delay = F.least(F.greatest("arr_delay", F.lit(-60)), F.lit(240))
    landed = landed.withColumns({"n": F.lit(1), "delay": delay})
    flights = _with_own_past(flights, landed)
    line = landed.unionByName(legs.withColumn("asked", F.lit(True)), allowMissingColumns=True)
    for by, groups in GROUPS.items():  # they have few rows a day, however many flights
        sums = sums_before(line, by, groups, ["n", "late"], WINDOWS)
        flights = flights.join(F.broadcast(sums), [*by, "at"], "left")
    rated = [group for groups in GROUPS.values() for group in groups if group != "all"]
    rates = {f"{group}_late_{days}": _smoothed(group, days) for group in [*rated, "flight"] for days in WINDOWS}
    seen = F.coalesce("flight_n_28", F.lit(0))
    rates["flight_delay_28"] = F.coalesce("flight_delay_28", F.lit(0)) / (seen + F.lit(4))
    return flights.select(*kept, *[rate.alias(name) for name, rate in rates.items()])


def _with_own_past(flights: DataFrame, landed: DataFrame) -> DataFrame:
    """Add ``flight_<value>_<days>``: a flight of that number from that airport leaves once a day."""
    values = ["n", "late", "delay"]
    days = Window.partitionBy(*FLIGHT).orderBy("at")
    past = {
        f"flight_{value}_{name}": F.sum(value).over(days.rangeBetween(*frame))
        for name, frame in WINDOWS.items()
        for value in values
    }
    return among(landed.select(*FLIGHT, "at", *values), flights).withColumns(past).filter("asks").drop("asks", *values)


def _smoothed(group: str, days: str) -> Column:
    seen, late = (F.coalesce(f"{group}_{what}_{days}", F.lit(0)) for what in ("n", "late"))
    mean = F.col(f"all_late_{days}") / F.nullif(F.col(f"all_n_{days}"), F.lit(0))
    return (late + PRIOR_FLIGHTS * mean) / (seen + PRIOR_FLIGHTS)
