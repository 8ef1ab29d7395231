"""Features of a leg: nothing in them was known later than its cut-off, three hours before departure."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from flights.transforms.clock import hour, minutes_between
from flights.transforms.history import with_late_rates
from flights.transforms.recent import with_arrivals, with_plane, with_state

LATE_MINUTES = 15


def features(legs: DataFrame, outcomes: DataFrame) -> DataFrame:
    """One row for each leg; ``known_at`` stays the cut-off."""
    outcomes = outcomes.withColumn("hour", hour())
    departed = outcomes.filter("dep_utc IS NOT NULL")
    landed = outcomes.filter("arr_delay IS NOT NULL").withColumn(
        "late", (F.col("arr_delay") > LATE_MINUTES).cast("int")
    )

    legs = legs.withColumn("hour", hour())
    flights = with_plane(legs, outcomes)
    flights = with_schedule(flights)  # by aircraft, as before: rows stay where they are
    flights = with_late_rates(flights, legs, landed)
    flights = with_state(flights, legs, departed)
    flights = with_arrivals(flights, legs, landed)
    return flights.drop("hour", "tailnum", "sched_arr_utc", "plane_year")


def with_schedule(legs: DataFrame) -> DataFrame:
    """What follows from the schedule alone, which is known long before."""
    in_order = ["sched_dep_utc", "flight", "carrier", "origin"]  # no two legs of a day have all of them
    of_plane = Window.partitionBy("tailnum").orderBy(*in_order)
    today = Window.partitionBy("tailnum", "flight_date").orderBy(*in_order)
    known_plane = F.col("tailnum").isNotNull()
    before = F.row_number().over(today) - 1
    ground = minutes_between(F.lag("sched_arr_utc").over(of_plane), F.col("sched_dep_utc"))
    return (
        legs.withColumn("weekday", F.date_format("flight_date", "EEE"))
        .withColumn("plane_age", F.try_subtract(F.year("flight_date"), F.col("plane_year")))
        .withColumn("plane_legs_before", F.when(known_plane, before).cast("int"))
        .withColumn("plane_turnaround", F.when(known_plane, F.least(ground, F.lit(2 * 1440))).cast("int"))
    )
