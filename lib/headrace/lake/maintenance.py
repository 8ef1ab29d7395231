"""Keep a table quick and small: few files a day, no files that no recent version needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.storage import Place, spark_uri

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RETAINED_HOURS = 168  # Delta's own least: a reader or a writer may take so long


def compact(spark: SparkSession, path: Place) -> int:
    """Join the small files of each day; rows and publications stay. Returns how many files are gone."""
    from delta.tables import DeltaTable

    metrics = DeltaTable.forPath(spark, spark_uri(path)).optimize().executeCompaction().select("metrics.*").first()
    return int(metrics["numFilesRemoved"] - metrics["numFilesAdded"]) if metrics else 0


def vacuum(spark: SparkSession, path: Place, hours: float = RETAINED_HOURS) -> None:
    """Delete files that no version of the last ``hours`` has, those of killed writers among them."""
    from delta.tables import DeltaTable

    DeltaTable.forPath(spark, spark_uri(path)).vacuum(hours)
