"""Quarantined rows: the reasons, the source, and the complete row as JSON, with the publish id of the row's day.

They are written before the day is published, and a reader sees only the rows whose publish id stands in the table. So
quarantine and table agree at every instant, whatever happens between the two writes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

from headrace.lake.conflicts import retried
from headrace.lake.publications import PUBLISH_ID, Publication
from headrace.lake.publish import on_days, publish_id
from headrace.storage import Place, spark_uri

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

DAY = "day"


def quarantine_of(table: str) -> str:
    """The name of the table that holds a table's quarantined rows."""
    return f"{table}_quarantine"


def quarantine_rows(bad: DataFrame, day: str, source: str, reasons: str, row: Column) -> DataFrame:
    """The bad rows in the schema of a quarantine table: ``day, source, reasons, row``.

    Args:
        day: the column of ``bad`` with the day.
        source: where the rows come from: a table's name, or ``feed``.
        reasons: the column of ``bad`` with the reasons (array of strings).
        row: the row as text.
    """
    from pyspark.sql import functions as F

    return bad.select(
        F.col(day).alias(DAY),
        F.lit(source).alias("source"),
        F.array_join(reasons, "; ").alias("reasons"),
        row.alias("row"),
    )


def write(rows: DataFrame, quarantine: Place, ids: Mapping[dt.date, str]) -> None:
    """Write the quarantined rows of days that are about to be published under ``ids``.

    They replace what an earlier try wrote under the same ids. Rows of other ids stay, as those may stand in the table.

    Raises:
        WriteConflictError: other writers kept changing the quarantine.
    """
    own = ", ".join(f"'{publish_id}'" for publish_id in sorted(set(ids.values())))
    writer = (
        rows.select(publish_id(DAY, ids), *rows.columns)
        .coalesce(1)
        .write.format("delta")
        .mode("overwrite")
        .partitionBy(DAY)
        .option("replaceWhere", f"({on_days(DAY, ids)}) AND {PUBLISH_ID} IN ({own})")
        .option("mergeSchema", "true")
    )
    retried(quarantine, lambda: writer.save(spark_uri(quarantine)))


def standing(rows: DataFrame, publications: Mapping[dt.date, Publication]) -> DataFrame:
    """The rows of a quarantine table whose publish id stands in the table that they were kept out of."""
    from pyspark.sql import functions as F

    ids = {day: publication.id for day, publication in publications.items() if publication.quarantined}
    if not ids:
        return rows.limit(0)
    return rows.filter(F.col(PUBLISH_ID) == publish_id(DAY, ids))
