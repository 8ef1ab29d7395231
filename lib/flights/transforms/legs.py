"""Scheduled legs, each with its aircraft and with the weather as it was known at the cut-off."""

from __future__ import annotations

from itertools import chain

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from flights.transforms.clock import MISSING_ZONES, hour, instant, minute_of_day, minutes_between

CUT_OFF_HOURS = 3
STRONGEST_WIND = 150  # mph
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]


def legs(schedule: DataFrame, weather: DataFrame, planes: DataFrame, airports: DataFrame) -> DataFrame:
    """One row for each scheduled departure.

    An observation named by an hour is known one hour later. The newest one known at the cut-off is therefore named by
    the hour before.
    """
    observed = (
        plausible(weather)
        .select("origin", F.expr("try_add(time_hour, INTERVAL 1 HOUR)").alias("weather_known_at"), *WEATHER)
        .groupBy("origin", "weather_known_at")
        .agg(F.max(F.struct(*WEATHER)).alias("reading"))  # of two readings the larger: no order of rows decides
        .select("origin", "weather_known_at", "reading.*")
    )
    at_airport = Window.partitionBy("origin", "flight_date", hour())
    return (
        timed(schedule, airports)
        .withColumn("departures_that_hour", F.count(F.lit(1)).over(at_airport).cast("int"))
        .withColumn("weather_known_at", F.date_trunc("hour", "known_at"))
        .join(planes.selectExpr("tailnum", "year AS plane_year", "seats"), "tailnum", "left")
        .join(observed, ["origin", "weather_known_at"], "left")
        .drop("weather_known_at")
    )


def plausible(weather: DataFrame) -> DataFrame:
    """Readings that no instrument can have made (Newark reported winds of 1,048 mph in February) are missing values."""
    return weather.withColumn("wind_speed", F.when(F.col("wind_speed") <= STRONGEST_WIND, F.col("wind_speed")))


def timed(schedule: DataFrame, airports: DataFrame) -> DataFrame:
    """The schedule with its clock times as instants; ``known_at`` is the cut-off."""
    zones = F.broadcast(airports.select("faa", "tzone"))
    missing = F.create_map(*[F.lit(part) for part in chain.from_iterable(MISSING_ZONES.items())])

    def with_zone(frame: DataFrame, airport: str) -> DataFrame:
        known = zones.withColumnsRenamed({"faa": airport, "tzone": f"{airport}_zone"})
        zone = F.coalesce(F.col(f"{airport}_zone"), missing[F.col(airport)])
        return frame.join(known, airport, "left").withColumn(f"{airport}_zone", zone)

    local = schedule.withColumn("flight_date", F.make_date("year", "month", "day"))
    located = with_zone(with_zone(local, "origin"), "dest")
    departs = instant(F.col("flight_date"), F.col("sched_dep_time"), F.col("origin_zone"))
    same_day, next_day = (
        instant(F.date_add("flight_date", days), F.col("sched_arr_time"), F.col("dest_zone")) for days in (0, 1)
    )
    # The feed gives no date of arrival: it is the first such clock time after the departure.
    arrives = F.when(same_day > F.col("sched_dep_utc"), same_day).otherwise(next_day)
    return (
        located.withColumn("sched_dep_utc", departs)
        .withColumn("sched_arr_utc", arrives)
        .select(
            *["flight_date", "carrier", "flight", "origin", "dest", "tailnum", "distance"],
            minute_of_day(F.col("sched_dep_time")).cast("int").alias("dep_minute"),
            "sched_dep_utc",
            "sched_arr_utc",
            minutes_between(F.col("sched_dep_utc"), F.col("sched_arr_utc")).alias("scheduled_minutes"),
            F.expr(f"sched_dep_utc - INTERVAL {CUT_OFF_HOURS} HOURS").alias("known_at"),
        )
    )
