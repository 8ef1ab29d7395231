"""Read days of a table at one Delta version, as they are in it or as they could be known at an instant."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.lake.publications import PUBLISH_ID
from headrace.storage import Place, spark_uri

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read(
    spark: SparkSession,
    path: Place,
    version: int,
    days: DayRange,
    *,
    day: str,
    known_at: str,
    as_of: dt.datetime | None = None,
) -> DataFrame:
    """The rows of ``days``, without their publish ids; with ``as_of``, only the rows that were known by that instant.

    Args:
        version: the Delta version. Later commits do not change what is read.
        day: the column with the business day.
        known_at: the column with the instant at which the row could be known.
    """
    from pyspark.sql import functions as F

    stored = spark.read.format("delta").option("versionAsOf", version).load(spark_uri(path)).drop(PUBLISH_ID)
    rows = stored.filter(F.col(day).between(F.lit(days.first), F.lit(days.last)))
    return rows if as_of is None else rows.filter(F.col(known_at) <= F.lit(as_of))
