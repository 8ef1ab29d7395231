"""Publish: replace a closed range of a table's days in one commit, atomically."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.errors import WriteConflictError
from headrace.lake.publications import metadata
from headrace.storage import Place, spark_uri

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def publish(
    frame: DataFrame,
    path: Place,
    day: str,
    days: DayRange,
    *,
    ids: Mapping[dt.date, str],
    rows: Mapping[dt.date, int],
    quarantined: Mapping[dt.date, int],
) -> None:
    """Replace ``days`` of the table at ``path`` by the rows of ``frame``, all of which lie on those days.

    The publish id of each day is in the commit's metadata. A crash before the commit leaves the old rows.

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
        .option("userMetadata", metadata(ids, rows, quarantined))
        .option("mergeSchema", "true")  # the contract has judged new columns already
    )
    try:
        writer.save(spark_uri(path))
    except DeltaConcurrentModificationException as conflict:
        raise WriteConflictError(
            f"another writer published to {path} on {days} at the same time ({type(conflict).__name__})", "Run it again"
        ) from conflict


def by_day(frame: DataFrame, day: str, days: DayRange) -> DataFrame:
    """Rows of one day in one task, so that a day is one file and not one from each task; neighbours go together.

    The days are known, so rows are dealt without a look at them first: what makes the frame runs once.
    """
    from pyspark.sql import functions as F

    tasks = min(len(days), int(frame.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1))
    number = F.datediff(day, F.lit(days.first))  # of the day in the range
    return frame.repartitionById(tasks, F.floor(number * tasks / len(days)).cast("int")).sortWithinPartitions(day)
