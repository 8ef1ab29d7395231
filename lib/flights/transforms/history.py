"""Delay rates of the days before, by when outcomes were known rather than by when flights were scheduled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.window import WindowSpec

# One zone for all: midnight must be the same instant for an outcome and for the flight that looks back on it.
ZONE = "America/New_York"
PRIOR_FLIGHTS = 25  # a rate counts as if that many average flights had been seen besides


def local_day(instant: Column) -> Column:
    """Days since 1970 of an instant's date in ``ZONE``."""
    return F.unix_date(F.to_date(F.from_utc_timestamp(instant, ZONE)))


def with_late_rates(
    flights: DataFrame, landed: DataFrame, groups: Mapping[str, Sequence[str]], windows: Sequence[int]
) -> DataFrame:
    """Add ``<group>_late_<days>``: the smoothed share of late flights in the group over the days before.

    Args:
        flights: has ``known_at`` and the groups' columns.
        landed: has ``known_at``, ``late`` (0 or 1) and the groups' columns.
        groups: the name of a group to the columns that make it.
        windows: numbers of days; each ends the day before the flight's own ``known_at``.
    """
    flights = flights.withColumn("today", local_day(F.col("known_at")))
    landed = landed.withColumn("today", local_day(F.col("known_at"))).select("today", "late", *_columns(groups))
    asking = flights  # as it is here: joins added below need not be computed for the questions
    overall = _rates(asking, landed, "all", [], windows)
    flights = flights.join(F.broadcast(overall), "today", "left")
    for name, columns in groups.items():
        rates = _rates(asking, landed, name, columns, windows)
        flights = flights.join(F.broadcast(rates), ["today", *columns], "left")
        for days in windows:
            seen, late = F.coalesce(f"{name}_n_{days}", F.lit(0)), F.coalesce(f"{name}_sum_{days}", F.lit(0))
            mean = F.col(f"all_sum_{days}") / F.col(f"all_n_{days}")
            smoothed = (late + PRIOR_FLIGHTS * mean) / (seen + PRIOR_FLIGHTS)
            flights = flights.withColumn(f"{name}_late_{days}", smoothed).drop(f"{name}_n_{days}", f"{name}_sum_{days}")
    return flights.drop("today", *[f"all_{what}_{days}" for what in ("n", "sum") for days in windows])


def _columns(groups: Mapping[str, Sequence[str]]) -> list[str]:
    return sorted({column for columns in groups.values() for column in columns})


def _rates(
    flights: DataFrame, landed: DataFrame, name: str, columns: Sequence[str], windows: Sequence[int]
) -> DataFrame:
    """Counts of flights and of late ones for each group and day that a flight asks about.

    Outcomes are summed to days first, so the windows slide over days and not over flights.
    """
    wanted = flights.select("today", *columns).distinct().withColumn("n", F.lit(0)).withColumn("sum", F.lit(0))
    daily = landed.groupBy("today", *columns).agg(
        F.count("late").cast("int").alias("n"), F.sum("late").cast("int").alias("sum")
    )
    days = daily.unionByName(wanted).groupBy("today", *columns).agg(F.sum("n").alias("n"), F.sum("sum").alias("sum"))

    def over(length: int) -> WindowSpec:
        return Window.partitionBy(*columns).orderBy("today").rangeBetween(-length, -1)

    sums = [
        F.sum(what).over(over(length)).alias(f"{name}_{what}_{length}") for length in windows for what in ("n", "sum")
    ]
    return days.select("today", *columns, *sums)
