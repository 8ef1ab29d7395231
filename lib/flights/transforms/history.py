"""Delay rates of the days before, by when outcomes were known rather than by when flights were scheduled."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from flights.transforms.sums import with_sums

# One zone for all: midnight must be the same instant for an outcome and for the flight that looks back on it.
ZONE = "America/New_York"
PRIOR_FLIGHTS = 25  # a rate counts as if that many average flights had been seen besides
GROUPS = {
    "all": [],
    "carrier": ["carrier"],
    "origin": ["origin"],
    "dest": ["dest"],
    "route": ["origin", "dest"],
    "hour": ["hour"],
    "carrier_hour": ["carrier", "hour"],
    "flight": ["carrier", "flight", "origin"],
}
WINDOWS = {"7": (-7, -1), "28": (-28, -1)}  # days, the last of them the day before
YEARS = 36_600


def local_day(instant: Column) -> Column:
    """Days since 1970 of an instant's date in ``ZONE``."""
    return F.unix_date(F.to_date(F.from_utc_timestamp(instant, ZONE)))


def with_late_rates(flights: DataFrame, landed: DataFrame) -> DataFrame:
    """Add ``<group>_late_<days>``, the smoothed share of late flights, and ``flight_delay_28``, in minutes.

    Args:
        flights: has ``id``, ``known_at`` and the groups' columns.
        landed: has ``known_at``, ``late`` (0 or 1), ``arr_delay`` and the groups' columns.
    """
    delay = F.least(F.greatest("arr_delay", F.lit(-60)), F.lit(240))
    events = landed.withColumns({"at": local_day(F.col("known_at")), "n": F.lit(1), "delay": delay})
    asking = flights.withColumn("at", local_day(F.col("known_at")))
    summed = with_sums(asking, events, GROUPS, ["n", "late", "delay"], WINDOWS, bucket=YEARS)
    rates = {f"{group}_late_{days}": _smoothed(group, days) for group in GROUPS if group != "all" for days in WINDOWS}
    seen = F.coalesce("flight_n_28", F.lit(0))
    rates["flight_delay_28"] = F.coalesce("flight_delay_28", F.lit(0)) / (seen + F.lit(4))
    kept = [c for c in flights.columns if c != "at"]
    return summed.select(*kept, *[rate.alias(name) for name, rate in rates.items()])


def _smoothed(group: str, days: str) -> Column:
    seen, late = (F.coalesce(f"{group}_{what}_{days}", F.lit(0)) for what in ("n", "late"))
    mean = F.col(f"all_late_{days}") / F.nullif(F.col(f"all_n_{days}"), F.lit(0))
    return (late + PRIOR_FLIGHTS * mean) / (seen + PRIOR_FLIGHTS)
