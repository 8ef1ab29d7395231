"""Build one range of days of one table: read, transform, check, publish."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.days import DayRange, runs
from headrace.declare import Table
from headrace.lake.table import DayContents
from headrace.quality.quarantine import quarantine_of
from headrace.stages.batch import Batch, staged
from headrace.stages.context import StageContext
from headrace.stages.progress import log_progress, throughput
from headrace.stages.sources import read_source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Built:
    """What building one range did."""

    batch: Batch

    @property
    def rows(self) -> int:
        return sum(count.published for count in self.batch.counts.values())

    @property
    def quarantined(self) -> int:
        return sum(sum(count.quarantined.values()) for count in self.batch.counts.values())


def build_range(context: StageContext, table: Table, days: DayRange, ids: Mapping[dt.date, str]) -> Built:
    """Build one range, and publish the days that are accepted.

    Raises:
        WriteConflictError: another writer published these days meanwhile.
    """
    clock = time.monotonic()
    inputs = [read_source(context, source, days) for source in table.sources]
    try:
        batch = staged(context, table, days, inputs)
        try:
            for accepted in runs(batch.counts):
                _publish(context, table, accepted, ids, batch)
        finally:
            batch.release()
    finally:
        for source in inputs:
            source.release()
    built = Built(batch)
    log_progress("build", f"{table.name:<20} {days}", **throughput(built.rows, clock))
    for reason, count in sorted(batch.reasons.items()):
        log_progress("build", f"{table.name:<20} {count:,} rows quarantined: {reason}")
    return built


def _publish(context: StageContext, table: Table, days: DayRange, ids: Mapping[dt.date, str], batch: Batch) -> None:
    """Publish the quarantined rows and then the good rows of consecutive accepted days."""
    from pyspark.sql import functions as F

    bad = {day: sum(batch.counts[day].quarantined.values()) for day in days}
    contents = DayContents({day: ids[day] for day in days}, {day: batch.counts[day].published for day in days}, bad)
    _publish_quarantine(context, table, days, batch.quarantined, DayContents(contents.ids, bad))
    within = F.col(table.day).between(F.lit(days.first), F.lit(days.last))
    context.table(table).publish(batch.good.filter(within), days, contents)


def _publish_quarantine(
    context: StageContext, table: Table, days: DayRange, quarantined: DataFrame | None, contents: DayContents
) -> None:
    """Replace the quarantined rows of these days; without any, remove the rows of an earlier build."""
    from pyspark.sql import functions as F

    quarantine = context.lake.table(quarantine_of(table.name), day="day")
    if not any(contents.rows.values()) and not quarantine.exists():
        return
    none = context.spark.createDataFrame([], "day date, source string, reasons string, row string")
    rows = none if quarantined is None else none.unionByName(quarantined)
    quarantine.publish(rows.filter(F.col("day").between(F.lit(days.first), F.lit(days.last))), days, contents)
