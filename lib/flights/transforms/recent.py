"""The hours before a flight's cut-off: how departures go, how far behind they are, and how the aircraft last did."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from flights.transforms.sums import with_sums

HOUR = 3600
DAY = 24 * HOUR
STEP = 300  # sums slide in steps of five minutes: there are few moments, however many flights
# The groups of one line are computed together.
STATE_GROUPS = [
    {"origin": ["origin"], "network": []},
    {"carrier_origin": ["carrier", "origin"], "carrier": ["carrier"]},
]


def from_then_on(instant: str) -> Column:
    """The first step at which something that happened at an instant is known."""
    return F.ceil(F.unix_seconds(instant) / STEP)


def until_now(instant: str) -> Column:
    """The last step at or before an instant."""
    return F.floor(F.unix_seconds(instant) / STEP)


def steps(hours: int) -> tuple[int, int]:
    return -hours * HOUR // STEP, 0


def with_state(flights: DataFrame, legs: DataFrame, departed: DataFrame) -> DataFrame:
    """Add mean departure delays and numbers of departures in the hours up to ``known_at``.

    ``origin_backlog_3h`` is how many more departures were scheduled there than took place.
    """
    left = departed.select(
        "carrier", "origin", from_then_on("dep_utc").alias("at"), F.col("dep_delay").alias("delay"),
        F.lit(1).alias("departed"), F.lit(0).alias("scheduled"),
    )  # fmt: skip
    planned = legs.select(
        "carrier", "origin", from_then_on("sched_dep_utc").alias("at"), F.lit(0).alias("delay"),
        F.lit(0).alias("departed"), F.lit(1).alias("scheduled"),
    )  # fmt: skip
    kept, values = flights.columns, ["delay", "departed", "scheduled"]
    flights, legs = (frame.withColumn("at", until_now("known_at")) for frame in (flights, legs))
    for groups in STATE_GROUPS:
        frames = {"1h": steps(1), "3h": steps(3)}
        flights = with_sums(flights, legs, left.unionByName(planned), groups, values, frames)
    figures = {
        f"{group}_delay_3h": F.expr(f"{group}_delay_3h / nullif({group}_departed_3h, 0)")
        for groups in STATE_GROUPS
        for group in groups
    }
    figures["origin_delay_1h"] = F.expr("origin_delay_1h / nullif(origin_departed_1h, 0)")
    for group in ("origin", "carrier"):
        figures[f"{group}_departed_3h"] = F.coalesce(f"{group}_departed_3h", F.lit(0)).cast("int")
    figures["origin_backlog_3h"] = F.expr("cast(coalesce(origin_scheduled_3h - origin_departed_3h, 0) AS int)")
    return flights.select(*kept, *[figure.alias(name) for name, figure in figures.items()])


def with_arrivals(flights: DataFrame, legs: DataFrame, landed: DataFrame) -> DataFrame:
    """Add ``dest_delay_8h``, the mean arrival delay at the destination of what landed in the 8 hours before."""
    kept = flights.columns
    events = landed.select("dest", from_then_on("known_at").alias("at"), "arr_delay", F.lit(1).alias("n"))
    flights, legs = (frame.withColumn("at", until_now("known_at")) for frame in (flights, legs))
    flights = with_sums(flights, legs, events, {"dest": ["dest"]}, ["arr_delay", "n"], {"8h": steps(8)})
    return flights.select(*kept, F.expr("dest_arr_delay_8h / nullif(dest_n_8h, 0)").alias("dest_delay_8h"))


def with_plane(flights: DataFrame, departed: DataFrame, landed: DataFrame) -> DataFrame:
    """Add the aircraft's last delay in the day before, in minutes, and how many hours ago it was known."""
    events = departed.selectExpr("tailnum", "unix_seconds(dep_utc) AS at", "dep_delay AS delay").unionByName(
        landed.selectExpr("tailnum", "unix_seconds(known_at) AS at", "arr_delay AS delay")
    )
    events = events.filter("tailnum IS NOT NULL")  # else they meet in one task
    asking = flights.withColumns({"asks": F.lit(True), "at": F.unix_seconds("known_at")})
    line = asking.unionByName(events, allowMissingColumns=True)
    before = Window.partitionBy("tailnum").orderBy("at").rangeBetween(-DAY, 0)
    then = F.when(F.col("delay").isNotNull(), F.struct("at", "delay"))  # a flight that asks has no delay
    return (
        line.withColumn("last", F.max(then).over(before))  # of two at one instant the larger delay
        .filter("asks")
        .withColumn("plane_last_delay", F.col("last.delay").cast("double"))
        .withColumn("plane_hours_since", (F.col("at") - F.col("last.at")) / HOUR)
        .drop("asks", "at", "delay", "last")
    )
