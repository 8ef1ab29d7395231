"""What became of each leg, and when that was known."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from flights.transforms.clock import plus_minutes

KEY = ["flight_date", "carrier", "flight", "origin"]


def outcomes(actuals: DataFrame, legs: DataFrame) -> DataFrame:
    """One row for each leg that the feed reports.

    Actual instants are the schedule's plus the delay, as the feed's clock times carry no date. A flight that
    never landed where it should (cancelled, diverted) is known to be so a day after its scheduled arrival.
    """
    reported = actuals.select(
        F.make_date("year", "month", "day").alias("flight_date"), *KEY[1:], "dep_delay", "arr_delay"
    )
    scheduled = legs.select(*KEY, "dest", "tailnum", "dep_minute", "sched_dep_utc", "sched_arr_utc")
    return (
        reported.join(scheduled, KEY, "left")  # a report of an unknown leg has no dest, and is quarantined for it
        .withColumn("dep_utc", plus_minutes(F.col("sched_dep_utc"), F.col("dep_delay")))
        .withColumn("arr_utc", plus_minutes(F.col("sched_arr_utc"), F.col("arr_delay")))
        .withColumn("known_at", F.coalesce("arr_utc", F.expr("sched_arr_utc + INTERVAL 24 HOURS")))
        .drop("sched_dep_utc", "sched_arr_utc")
    )
