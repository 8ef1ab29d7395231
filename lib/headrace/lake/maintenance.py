"""Maintenance of a table: few files a day, and no files that no recent version needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.lake.conflicts import conflicts_of
from headrace.storage import Place, spark_uri

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RETAINED_HOURS = 168  # Delta's own minimum, which leaves slow readers and writers a week


def compact(spark: SparkSession, path: Place) -> int:
    """Merge the small files of each day; rows and publications do not change. Returns by how many files it shrank.

    Raises:
        WriteConflictError: a writer replaced files meanwhile.
    """
    from delta.tables import DeltaTable

    with conflicts_of(path):
        done = DeltaTable.forPath(spark, spark_uri(path)).optimize().executeCompaction().select("metrics.*").first()
    return int(done["numFilesRemoved"] - done["numFilesAdded"]) if done else 0


def vacuum(spark: SparkSession, path: Place, hours: float = RETAINED_HOURS) -> None:
    """Delete files that no version of the last ``hours`` needs. This includes files that killed writers left.

    Raises:
        WriteConflictError: a writer changed the table meanwhile.
    """
    from delta.tables import DeltaTable

    with conflicts_of(path):
        DeltaTable.forPath(spark, spark_uri(path)).vacuum(hours)
