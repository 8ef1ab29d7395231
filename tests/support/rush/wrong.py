"""Transforms with one fault each, for tests of what finds it."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from tests.support.rush.transforms import totals


def features_of_tomorrow(totals: DataFrame) -> DataFrame:
    """Means that include the next day, which is not over when the row is known."""
    recent = Window.partitionBy("station").orderBy(F.unix_date("day")).rangeBetween(-2, 1)
    return totals.select("day", "station", F.avg("people").over(recent).alias("mean_3"), *_rest())


def features_of_what_exists(totals: DataFrame) -> DataFrame:
    """Means that depend on whether the next day exists, and not on what it is."""
    following = Window.partitionBy("station").orderBy("day")
    is_last = F.lead("day").over(following).isNull()
    return totals.select("day", "station", is_last.cast("double").alias("mean_3"), *_rest())


def features_at_random(totals: DataFrame) -> DataFrame:
    return totals.select("day", "station", F.rand().alias("mean_3"), *_rest())


def features_by_order(totals: DataFrame) -> DataFrame:
    """A number that follows from the order of rows."""
    return totals.select("day", "station", F.monotonically_increasing_id().cast("double").alias("mean_3"), *_rest())


def totals_two_days_before(visits: DataFrame) -> DataFrame:
    """People of two days before, which a day that declares ``days(-1, 0)`` sees only in a range."""
    early = visits.select(F.date_add("day", 1).alias("day"), *[column for column in visits.columns if column != "day"])
    before = totals(early).select(F.date_add("day", 1).alias("day"), "station", F.col("people").alias("people_before"))
    return totals(visits).drop("people_before").join(before, ["day", "station"], "left")


def _rest() -> list[Column]:
    return [F.col("crowding").alias("crowding_3"), F.col("known_at")]
