"""Read days of a table, as they are or as they could be known at an instant."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.declare import Table
from headrace.errors import UnknownNameError
from headrace.lake.publications import exists, path_of
from headrace.storage import Place, spark_uri

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read(
    spark: SparkSession, tables: Place, table: Table, days: DayRange, as_of: dt.datetime | None = None
) -> DataFrame:
    """The rows of ``days``; with ``as_of`` only those that were known by that instant.

    Raises:
        UnknownNameError: nothing of the table has been published.
    """
    from pyspark.sql import functions as F

    path = path_of(tables, table.name)
    if not exists(path):
        raise UnknownNameError(
            f"nothing of {table.name} is published in {tables}", f"Run `headrace build {table.name}`"
        )
    stored = spark.read.format("delta").load(spark_uri(path))
    rows = stored.filter(F.col(table.day).between(F.lit(days.first), F.lit(days.last)))
    return rows if as_of is None else rows.filter(F.col(table.known_at) <= F.lit(as_of))
