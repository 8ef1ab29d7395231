"""Rows set aside: why, from where, and the row itself as JSON, so that nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def quarantine_of(table: str) -> str:
    """The name of the table with a table's rows that were set aside."""
    return f"{table}_quarantine"


def set_aside(bad: DataFrame, day: str, source: str, reasons: str, hidden: Sequence[str] = ()) -> DataFrame:
    """The bad rows as ``day, source, reasons, row``; ``row`` is JSON of all columns but ``reasons`` and ``hidden``."""
    from pyspark.sql import functions as F

    columns = [c for c in bad.columns if c not in (reasons, *hidden)]
    return bad.select(
        F.col(day).alias("day"),
        F.lit(source).alias("source"),
        F.array_join(reasons, "; ").alias("reasons"),
        F.to_json(F.struct(*columns)).alias("row"),
    )
