"""Publish: replace a closed range of a table's days in one commit, atomically."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.errors import WriteConflictError
from headrace.lake.publications import DayContents
from headrace.storage import Place, spark_uri

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def publish(frame: DataFrame, path: Place, day: str, days: DayRange, contents: DayContents) -> None:
    """Replace ``days`` of the table at ``path`` by the rows of ``frame``, which all lie on those days.

    The commit's metadata holds the publish id of each day. A crash before the commit leaves the old rows.

    Args:
        day: the column with the business day; the table is partitioned by it.

    Raises:
        WriteConflictError: another writer committed to the same days meanwhile.
    """
    from delta.exceptions import DeltaConcurrentModificationException

    writer = (
        by_day(frame, day, days)
        .write.format("delta")
        .mode("overwrite")
        .partitionBy(day)
        .option("replaceWhere", f"{day} >= '{days.first}' AND {day} <= '{days.last}'")
        .option("userMetadata", contents.as_metadata())
        .option("mergeSchema", "true")  # the contract has already decided whether new columns are allowed
    )
    try:
        writer.save(spark_uri(path))
    except DeltaConcurrentModificationException as conflict:
        raise WriteConflictError(
            f"another writer published to {path} on {days} at the same time ({type(conflict).__name__})", "Run it again"
        ) from conflict


def by_day(frame: DataFrame, day: str, days: DayRange) -> DataFrame:
    """Repartition so that one task holds all rows of a day, and consecutive days share a task.

    Each day then becomes one file. The task follows from the date alone, so Spark needs no sampling pass over the
    frame, which would run its plan twice.
    """
    from pyspark.sql import functions as F

    tasks = min(len(days), int(frame.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1))
    index = F.datediff(day, F.lit(days.first))  # of the day in the range, from 0
    return frame.repartitionById(tasks, F.floor(index * tasks / len(days)).cast("int")).sortWithinPartitions(day)
