"""Quarantined rows: the reasons, the source, and the complete row as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def quarantine_of(table: str) -> str:
    """The name of the table that holds a table's quarantined rows."""
    return f"{table}_quarantine"


def quarantine_rows(bad: DataFrame, day: str, source: str, reasons: str | Column, row: Column) -> DataFrame:
    """The bad rows in the schema of a quarantine table: ``day, source, reasons, row``.

    Args:
        day: the column of ``bad`` with the day.
        source: where the rows come from: a table's name, or ``feed``.
        reasons: a column over ``bad``, or the name of one: the reasons (array of strings).
        row: the row as text.
    """
    from pyspark.sql import functions as F

    return bad.select(
        F.col(day).alias("day"),
        F.lit(source).alias("source"),
        F.array_join(reasons, "; ").alias("reasons"),
        row.alias("row"),
    )
