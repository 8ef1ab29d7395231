"""The hours before a flight's cut-off: how departures go, how far behind they are, and how the aircraft last did."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from flights.transforms.sums import among, sums_before

HOUR = 3600
DAY = 24 * HOUR
STEP = 300  # sums slide in steps of five minutes: there are few moments, however many flights


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

    Args:
        flights, legs: have ``known_at``, ``sched_dep_utc``, ``carrier`` and ``origin``. ``legs`` costs less to compute.
        departed: has ``dep_utc``, ``dep_delay``, ``carrier`` and ``origin``.
    """
    kept = flights.columns
    departures = departed.select(
        "carrier", "origin", from_then_on("dep_utc").alias("at"), F.col("dep_delay").alias("delay"),
        F.lit(1).alias("departed"),
    )  # fmt: skip
    scheduled = legs.select(
        "carrier", "origin",
        F.stack(F.lit(2), until_now("known_at"), F.lit(0), F.lit(True), from_then_on("sched_dep_utc"), F.lit(1),
                F.lit(False)).alias("at", "scheduled", "asked"),
    )  # fmt: skip
    line = departures.unionByName(scheduled, allowMissingColumns=True)
    values, by_carrier = ["delay", "departed"], {"carrier_origin": ["carrier", "origin"], "carrier": ["carrier"]}
    of_carrier = sums_before(line, ["carrier", "origin"], by_carrier, values, {"3h": steps(3)})
    by_origin, frames = {"origin": ["origin"], "network": []}, {"1h": steps(1), "3h": steps(3)}
    of_origin = sums_before(line, ["origin"], by_origin, [*values, "scheduled"], frames)
    flights = (
        flights.withColumn("at", until_now("known_at"))
        .join(of_carrier, ["carrier", "origin", "at"], "left")
        .join(F.broadcast(of_origin), ["origin", "at"], "left")  # few airports and moments, however many flights
    )
    figures = {
        f"{group}_delay_3h": F.expr(f"{group}_delay_3h / nullif({group}_departed_3h, 0)")
        for group in [*by_carrier, *by_origin]
    }
    figures["origin_delay_1h"] = F.expr("origin_delay_1h / nullif(origin_departed_1h, 0)")
    for group in ("origin", "carrier"):
        figures[f"{group}_departed_3h"] = F.coalesce(f"{group}_departed_3h", F.lit(0)).cast("int")
    backlog = F.coalesce("origin_scheduled_3h", F.lit(0)) - F.coalesce("origin_departed_3h", F.lit(0))
    figures["origin_backlog_3h"] = backlog.cast("int")
    return flights.select(*kept, *[figure.alias(name) for name, figure in figures.items()])


def with_arrivals(flights: DataFrame, legs: DataFrame, landed: DataFrame) -> DataFrame:
    """Add ``dest_delay_8h``, the mean arrival delay at the destination of what landed in the 8 hours before."""
    kept = flights.columns
    arrivals = landed.select("dest", from_then_on("known_at").alias("at"), "arr_delay", F.lit(1).alias("n"))
    questions = legs.select("dest", until_now("known_at").alias("at"), F.lit(True).alias("asked"))
    line = arrivals.unionByName(questions, allowMissingColumns=True)
    sums = sums_before(line, ["dest"], {"dest": ["dest"]}, ["arr_delay", "n"], {"8h": steps(8)})
    flights = flights.withColumn("at", until_now("known_at")).join(sums, ["dest", "at"], "left")
    return flights.select(*kept, F.expr("dest_arr_delay_8h / nullif(dest_n_8h, 0)").alias("dest_delay_8h"))


def with_plane(flights: DataFrame, outcomes: DataFrame) -> DataFrame:
    """Add the aircraft's last delay in the day before, in minutes, and how many hours ago it was known."""
    departure, arrival = (F.unix_seconds("dep_utc"), "dep_delay"), (F.unix_seconds("known_at"), "arr_delay")
    events = outcomes.select("tailnum", F.stack(F.lit(2), *departure, *arrival).alias("at", "delay"))
    known = events.filter("tailnum IS NOT NULL AND delay IS NOT NULL")
    before = Window.partitionBy("tailnum").orderBy("at").rangeBetween(-DAY, 0)
    last = F.max(F.when(F.col("delay").isNotNull(), F.struct("at", "delay"))).over(before)
    return (
        among(known, flights.withColumn("at", F.unix_seconds("known_at")))
        .withColumn("last", last)  # of two at the same instant the larger: the order of rows must not decide
        .filter("asks")
        .withColumn("plane_last_delay", F.col("last.delay").cast("double"))
        .withColumn("plane_hours_since", (F.col("at") - F.col("last.at")) / HOUR)
        .drop("asks", "at", "delay", "last")
    )
