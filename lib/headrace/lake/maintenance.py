"""Maintenance of a table: few files a day, and no files that no recent version needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.storage import Place, spark_uri

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RETAINED_HOURS = 168  # Delta's own minimum, which leaves slow readers and writers a week


def compact(spark: SparkSession, path: Place) -> int:
    """Merge the small files of each day; rows and publications do not change. Returns by how many files it shrank."""
    from delta.tables import DeltaTable

    metrics = DeltaTable.forPath(spark, spark_uri(path)).optimize().executeCompaction().select("metrics.*").first()
    return int(metrics["numFilesRemoved"] - metrics["numFilesAdded"]) if metrics else 0


def vacuum(spark: SparkSession, path: Place, hours: float = RETAINED_HOURS) -> None:
    """Delete files that no version of the last ``hours`` needs. This includes files that killed writers left."""
    from delta.tables import DeltaTable

    DeltaTable.forPath(spark, spark_uri(path)).vacuum(hours)
