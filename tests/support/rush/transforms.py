"""The transforms of the use case. Each row of a day follows from that day and the declared look-back."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def visits(entries: DataFrame, stations: DataFrame) -> DataFrame:
    """Entries with the share of a station's capacity, known at the end of their hour."""
    ends = F.expr("timestamp(day) + make_interval(0, 0, 0, 0, hour + 1, 0, 0)")
    crowding = F.col("people") / F.col("capacity")
    return entries.join(stations, "station").withColumns({"crowding": crowding, "known_at": ends}).drop("capacity")


def totals(visits: DataFrame) -> DataFrame:
    """The people of each station and day, and the people of the day before."""
    by_day = visits.groupBy("day", "station").agg(
        F.sum("people").alias("people"), F.avg("crowding").alias("crowding"), F.max("known_at").alias("known_at")
    )
    before = by_day.select(F.date_add("day", 1).alias("day"), "station", F.col("people").alias("people_before"))
    return by_day.join(before, ["day", "station"], "left")


def features(totals: DataFrame) -> DataFrame:
    """Means over three days."""
    recent = Window.partitionBy("station").orderBy(F.unix_date("day")).rangeBetween(-2, 0)
    return totals.select(
        "day",
        "station",
        F.avg("people").over(recent).alias("mean_3"),
        F.avg("crowding").over(recent).alias("crowding_3"),
        "known_at",
    )
