"""Count rows by day. Only aggregates reach the driver, whose size follows from the days and not from the rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

MAX_REASONS = 100  # of a day; a feed's reason quotes the bad value, so there may be as many reasons as rows

Reasons = Mapping[str, int]


@dataclass(frozen=True)
class Counted:
    """The rows of a group, and how many of them meet each of some conditions."""

    rows: int
    having: Mapping[str, int]


def count_by_day(frame: DataFrame, day: Column, **conditions: Column) -> dict[dt.date | None, Counted]:
    """Count rows and, under its name, the rows that meet each condition, in one pass. Rows may have no day."""
    from pyspark.sql import functions as F

    counts = [F.count_if(condition).alias(name) for name, condition in conditions.items()]
    groups = frame.groupBy(day.alias("_day")).agg(F.count(F.lit(1)).alias("_rows"), *counts).collect()
    return {row["_day"]: Counted(row["_rows"], {name: row[name] for name in conditions}) for row in groups}


def reasons_by_day(bad: DataFrame, day: Column, reasons: str) -> dict[dt.date | None, Reasons]:
    """The most frequent reasons of each day, at most 100, with their numbers of rows.

    Args:
        reasons: the column with each row's reasons (array of strings).
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    counted = bad.select(day.alias("day"), F.explode(reasons).alias("reason")).groupBy("day", "reason").count()
    most_frequent = Window.partitionBy("day").orderBy(F.desc("count"), "reason")
    kept = counted.withColumn("place", F.row_number().over(most_frequent)).filter(F.col("place") <= MAX_REASONS)
    found: dict[dt.date | None, dict[str, int]] = {}
    for row in kept.orderBy("day", "place").collect():
        found.setdefault(row["day"], {})[row["reason"]] = row["count"]
    return dict(found)


def duplicates_by_day(good: DataFrame, day: str, key: Sequence[str]) -> dict[dt.date, list[str]]:
    """Up to three keys of each day that several of its rows share, each in words."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    columns = list(dict.fromkeys([day, *key]))
    shared = good.groupBy(*columns).agg(F.count(F.lit(1)).alias("_rows")).filter("_rows > 1")
    place = F.row_number().over(Window.partitionBy(day).orderBy(*columns))
    found: dict[dt.date, list[str]] = {}
    for row in shared.withColumn("_place", place).filter("_place <= 3").orderBy(*columns).collect():
        found.setdefault(row[day], []).append(f"{', '.join(str(row[c]) for c in key)} ({row['_rows']} rows)")
    return found
