"""Quarantined rows: the reasons, the source, and the complete row as JSON, with the publish id of the row's day.

They are written before the day is published, and a reader sees only the rows whose publish id stands in the table. So
quarantine and table agree at every instant, whatever happens between the two writes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import partial, reduce
from operator import or_
from typing import TYPE_CHECKING

from headrace.lake.commits import is_committed
from headrace.lake.conflicts import retried
from headrace.lake.publications import PUBLISH_ID, Publication
from headrace.lake.publish import on_days, publish_id
from headrace.storage import Place, spark_uri

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

DAY, SUFFIX = "day", "_quarantine"
PRUNED_AT_ONCE = 500  # days in one DELETE


def quarantine_of(table: str) -> str:
    """The name of the table that holds a table's quarantined rows."""
    return f"{table}{SUFFIX}"


def quarantined_from(quarantine: str) -> str:
    """The name of the table whose quarantined rows a table holds; its own name if it is not a quarantine."""
    return quarantine.removesuffix(SUFFIX)


def quarantine_rows(bad: DataFrame, day: str, source: str, reasons: str | Column, row: Column) -> DataFrame:
    """The bad rows in the schema of a quarantine table: ``day, source, reasons, row``.

    Args:
        day: the column of ``bad`` with the day.
        source: where the rows come from: a feed's or a table's name.
        reasons: a column over ``bad``, or the name of one: the reasons (array of strings).
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
    _add_publish_id(rows.sparkSession, quarantine)
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


def _add_publish_id(spark: SparkSession, quarantine: Place) -> None:
    """Add the column to a quarantine that an earlier version of Headrace made. A condition cannot name it before."""
    if is_committed(quarantine) and PUBLISH_ID not in spark.read.format("delta").load(spark_uri(quarantine)).columns:
        statement = f"ALTER TABLE delta.`{spark_uri(quarantine)}` ADD COLUMNS ({PUBLISH_ID} STRING)"
        retried(quarantine, partial(spark.sql, statement))


def standing(rows: DataFrame, publications: Mapping[dt.date, Publication]) -> DataFrame:
    """The rows of a quarantine table whose publish id stands in the table that they were kept out of."""
    from pyspark.sql import functions as F

    ids = {day: publication.id for day, publication in publications.items() if publication.quarantined}
    if not ids:
        return rows.limit(0)
    return rows.filter(F.col(PUBLISH_ID) == publish_id(DAY, ids))


def prune(spark: SparkSession, quarantine: Place, publications: Mapping[dt.date, Publication], hours: float) -> int:
    """Delete the rows whose publish id does not stand in the table, and that were written more than ``hours`` ago.

    Younger rows may belong to a day that is about to be published. Returns the number of days that had such rows.

    Raises:
        WriteConflictError: other writers kept changing the quarantine.
    """
    from delta.tables import DeltaTable
    from pyspark.sql import functions as F

    _add_publish_id(spark, quarantine)
    written = F.max("_metadata.file_modification_time")
    kept = spark.read.format("delta").load(spark_uri(quarantine)).groupBy(DAY, PUBLISH_ID).agg(written.alias("written"))
    oldest = dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours)
    ids = {day: publication.id for day, publication in publications.items()}
    old = kept.filter(F.col("written") < F.lit(oldest)).collect()
    fallen = [(row[DAY], row[PUBLISH_ID]) for row in old if ids.get(row[DAY]) != row[PUBLISH_ID]]
    table = DeltaTable.forPath(spark, spark_uri(quarantine))
    for start in range(0, len(fallen), PRUNED_AT_ONCE):
        some = fallen[start : start + PRUNED_AT_ONCE]
        condition = reduce(or_, [(F.col(DAY) == day) & F.col(PUBLISH_ID).eqNullSafe(i) for day, i in some])
        retried(quarantine, partial(table.delete, condition))
    return len({day for day, _ in fallen})
