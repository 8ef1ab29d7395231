"""Rows set aside: why, from where, and the row itself as JSON, so that nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def quarantine_of(table: str) -> str:
    """The name of the table with a table's rows that were set aside."""
    return f"{table}_quarantine"


def set_aside(bad: DataFrame, day: str, source: str, reasons: str, row: Column) -> DataFrame:
    """The bad rows as ``day, source, reasons, row``."""
    from pyspark.sql import functions as F

    return bad.select(
        F.col(day).alias("day"),
        F.lit(source).alias("source"),
        F.array_join(reasons, "; ").alias("reasons"),
        row.alias("row"),
    )
