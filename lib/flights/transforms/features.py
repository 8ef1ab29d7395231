"""Features of a leg: nothing in them was known later than its cut-off, three hours before departure."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from flights.transforms.clock import minutes_between
from flights.transforms.history import with_late_rates
from flights.transforms.recent import DAY, with_recent

GROUPS = {
    "carrier": ["carrier"],
    "origin": ["origin"],
    "dest": ["dest"],
    "route": ["origin", "dest"],
    "hour": ["hour"],
    "carrier_hour": ["carrier", "hour"],
}
LATE_MINUTES = 15
STATE_SECONDS = 3 * 3600


def features(legs: DataFrame, outcomes: DataFrame) -> DataFrame:
    """One row for each leg; ``known_at`` stays the cut-off."""
    flights = with_schedule(legs).withColumn("id", F.xxhash64("flight_date", "carrier", "flight", "origin"))
    outcomes = outcomes.withColumn("hour", hour())
    landed = outcomes.filter("arr_delay IS NOT NULL").withColumn(
        "late", (F.col("arr_delay") > LATE_MINUTES).cast("int")
    )
    departed = outcomes.filter("dep_utc IS NOT NULL").withColumnsRenamed({"dep_utc": "at", "dep_delay": "value"})
    arrived = landed.withColumnsRenamed({"known_at": "at", "arr_delay": "value"})

    flights = with_late_rates(flights, landed, GROUPS, windows=(7, 28))
    for by in ("origin", "carrier"):
        figures = {f"{by}_delay_3h": F.avg("value"), f"{by}_departed_3h": F.count("value")}
        flights = with_recent(flights, departed, by, STATE_SECONDS, figures)
        flights = flights.withColumn(f"{by}_departed_3h", F.col(f"{by}_departed_3h").cast("int"))
    known_of_plane = departed.select("tailnum", "at", "value").unionByName(arrived.select("tailnum", "at", "value"))
    return with_plane(flights, known_of_plane).drop("id", "hour", "tailnum", "sched_arr_utc", "plane_year", "last_at")


def with_schedule(legs: DataFrame) -> DataFrame:
    """What follows from the schedule alone, which is known long before."""
    of_plane = Window.partitionBy("tailnum").orderBy("sched_dep_utc", "flight")
    known_plane = F.col("tailnum").isNotNull()
    before = F.count(F.lit(1)).over(
        Window.partitionBy("tailnum", "flight_date")
        .orderBy("sched_dep_utc", "flight")
        .rowsBetween(Window.unboundedPreceding, -1)
    )
    ground = minutes_between(F.lag("sched_arr_utc").over(of_plane), F.col("sched_dep_utc"))
    at_airport = Window.partitionBy("origin", "flight_date", "hour")
    return (
        legs.withColumn("hour", hour())
        .withColumn("weekday", F.date_format("flight_date", "EEE"))
        .withColumn("departures_that_hour", F.count(F.lit(1)).over(at_airport).cast("int"))
        .withColumn("plane_age", F.year("flight_date") - F.col("plane_year"))
        .withColumn("plane_legs_before", F.when(known_plane, before).cast("int"))
        .withColumn("plane_turnaround", F.when(known_plane, F.least(ground, F.lit(2 * 1440))).cast("int"))
    )


def with_plane(flights: DataFrame, events: DataFrame) -> DataFrame:
    """The last delay of the aircraft that was known at the cut-off, and how many hours ago it was."""
    at_event = F.when(F.col("value").isNotNull(), F.col("at"))  # a flight's own point on the line has no value
    figures = {"plane_last_delay": F.max_by("value", at_event), "last_at": F.max(at_event)}
    looked_up = with_recent(flights, events, "tailnum", DAY, figures)
    return looked_up.withColumn("plane_hours_since", (F.unix_seconds("known_at") - F.col("last_at")) / 3600)


def hour() -> Column:
    """The hour of the local day in which a leg is scheduled to depart."""
    return F.floor(F.col("dep_minute") / 60).cast("int")
