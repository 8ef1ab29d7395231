"""Publish: replace days of a table in one commit, atomically, unless somebody published to the table before it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from headrace.days import DayRange, runs
from headrace.lake.commits import WRITER
from headrace.lake.conflicts import conflicts_of
from headrace.lake.publications import PUBLISH_ID, DayContents
from headrace.storage import Place, spark_uri

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def publish(frame: DataFrame, path: Place, day: str, contents: DayContents, *, generation: int, token: str) -> None:
    """Replace the days of ``contents`` by the rows of ``frame``, which all lie on those days.

    Each partition of the frame becomes a file for each of its days; ``lake.staging`` lays rows out for that. A crash
    before the commit leaves the old rows. Delta skips the commit without a word if the table already has the
    generation, so the caller must look whether the log has ``token``.

    Args:
        day: the column with the business day; the table is partitioned by it.
        generation: the number of publications of the table with this one.
        token: a text that no other commit has.

    Raises:
        WriteConflictError: another writer committed to the table at the same time.
    """
    days = list(contents.ids)
    # The id comes first, because Delta keeps statistics of the first 32 columns only.
    with_id = frame.select(publish_id(day, contents.ids), *frame.columns)
    writer = (
        with_id.write.format("delta")
        .mode("overwrite")
        .partitionBy(day)
        .option("replaceWhere", on_days(day, days))
        .option("userMetadata", contents.as_metadata(token))
        .option("txnAppId", WRITER)
        .option("txnVersion", generation)
        .option("mergeSchema", "true")  # the contract has already decided whether new columns are allowed
    )
    with conflicts_of(path):
        writer.save(spark_uri(path))


def on_days(day: str, days: Iterable[dt.date]) -> str:
    """The condition that a row lies on one of these days, as SQL."""
    return " OR ".join(f"({day} >= '{some.first}' AND {day} <= '{some.last}')" for some in runs(days))


def publish_id(day: str, ids: Mapping[dt.date, str]) -> Column:
    """The column with the publish id of each row's day. An array finds it faster than a map, whatever its length."""
    from pyspark.sql import functions as F

    first = min(ids)
    by_offset = F.array(*[F.lit(ids.get(on)) for on in DayRange(first, max(ids))])
    return F.get(by_offset, F.datediff(day, F.lit(first))).alias(PUBLISH_ID)
