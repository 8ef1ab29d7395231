"""Build one range of days of one table: read, transform, check, publish in one commit."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, TypeVar

from headrace.days import DayRange
from headrace.declare import Table, resolve
from headrace.lake.contract import conform
from headrace.lake.table import DayContents
from headrace.landing.frame import DELIVERED_FOR, RAW
from headrace.landing.frame import REASONS as REJECTED_FOR
from headrace.quality import rows as quality
from headrace.quality.quarantine import quarantine_of, quarantine_rows
from headrace.stages.context import StageContext
from headrace.stages.progress import log_progress, throughput
from headrace.stages.sources import Input, read_source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Key = TypeVar("Key")

MAX_REASONS = 100  # of a feed; a reason quotes the bad value, so there may be as many reasons as rows


@dataclass(frozen=True)
class Batch:
    """The result of one range: rows read, and the tally of good and bad rows."""

    rows_in: int
    tally: quality.Tally

    @property
    def rows(self) -> int:
        return sum(self.tally.good.values())


def build_range(context: StageContext, table: Table, days: DayRange, ids: Mapping[dt.date, str]) -> Batch:
    """Build one range; ``ids`` has the publish id of each of its days, and may have more.

    Raises:
        BatchRefusedError: checks refuse the batch; nothing was published.
        WriteConflictError: another writer published these days meanwhile.
    """
    clock = time.monotonic()
    inputs = [read_source(context, source, days) for source in table.sources]
    checked = _checked(context, table, days, inputs).persist()
    try:
        tally = _publish(context, table, days, ids, inputs, checked)
    finally:
        checked.unpersist()
        for source in inputs:
            source.release()
    batch = Batch(sum(source.count for source in inputs), tally)
    log_progress("build", f"{table.name:<20} {days}", **throughput(batch.rows, clock))
    for reason, count in sorted(tally.reasons.items()):
        log_progress("build", f"{table.name:<20} {count:,} rows quarantined: {reason}")
    return batch


def added(counts: Iterable[Mapping[Key, int]]) -> dict[Key, int]:
    """The counts of several mappings, added key by key."""
    total: dict[Key, int] = {}
    for mapping in counts:
        for key, count in mapping.items():
            total[key] = total.get(key, 0) + count
    return total


def _checked(context: StageContext, table: Table, days: DayRange, inputs: list[Input]) -> DataFrame:
    """The transform's rows on these days, each with the reasons why it is bad."""
    from pyspark.sql import functions as F

    contract = context.use_case.contract(table)
    transformed = resolve.function(context.use_case.package, table.by)(*[source.rows for source in inputs])
    within = F.col(table.day).between(F.lit(days.first), F.lit(days.last))
    return quality.with_failures(conform(transformed, table, contract).filter(within), contract, table.checks)


def _publish(
    context: StageContext,
    table: Table,
    days: DayRange,
    ids: Mapping[dt.date, str],
    inputs: list[Input],
    checked: DataFrame,
) -> quality.Tally:
    """Publish the good rows and quarantine the bad ones, unless the whole batch is refused."""
    from pyspark.sql import functions as F

    of_table = quality.tally(checked, table.day, table.name)
    rejected, of_feeds = _rejected(inputs)
    bad_by_day, reasons = added([of_table.bad, of_feeds.bad]), added([of_table.reasons, of_feeds.reasons])
    tally = quality.Tally(of_table.good, bad_by_day, reasons)
    bad = checked.filter(F.size(quality.REASONS) > 0)
    good = checked.filter(F.size(quality.REASONS) == 0).drop(quality.REASONS, quality.REFUSED)
    _refuse_bad_batch(context, table, good, tally)
    within = {day: publish_id for day, publish_id in ids.items() if day in days}
    as_json = F.to_json(F.struct(*good.columns))
    failed = [quarantine_rows(bad, table.day, table.name, quality.REASONS, as_json)] if of_table.quarantined else []
    _publish_quarantine(context, table, days, [*failed, *rejected], DayContents(within, tally.bad))
    context.table(table).publish(good, days, DayContents(within, tally.good, tally.bad))
    return tally


def _rejected(inputs: list[Input]) -> tuple[list[DataFrame], quality.Tally]:
    """The rows of feeds that do not fit their contract, as quarantine rows, and their tally."""
    from pyspark.sql import functions as F

    frames, bad, reasons = [], dict[dt.date, int](), dict[str, int]()
    for source in inputs:
        if source.rejected is None:
            continue
        by_day = source.rejected.groupBy(DELIVERED_FOR).count().collect()
        if not by_day:
            continue
        frames.append(quarantine_rows(source.rejected, DELIVERED_FOR, "feed", REJECTED_FOR, F.col(RAW)))
        bad = added([bad, {row[DELIVERED_FOR]: row["count"] for row in by_day}])
        by_reason = source.rejected.select(F.explode(REJECTED_FOR).alias("reason")).groupBy("reason").count()
        most_frequent = by_reason.orderBy(F.desc("count"), "reason").limit(MAX_REASONS).collect()
        reasons = added([reasons, {row["reason"]: row["count"] for row in most_frequent}])
    return frames, quality.Tally({}, bad, reasons)


def _refuse_bad_batch(context: StageContext, table: Table, good: DataFrame, tally: quality.Tally) -> None:
    """Raise BatchRefusedError if the batch as a whole must not be published."""
    quality.refuse_share(tally.rows, tally, context.config.quality.max_quarantined_share, table.name)
    quality.refuse_duplicates(good, table.key, table.name)
    for check in table.checks:
        if check.suite:
            from headrace.quality.suite import validate

            layout = context.layout
            suite = context.use_case.folder / check.suite
            validate(good, suite, table.name, layout.data_docs, layout.data_docs_page)


def _publish_quarantine(
    context: StageContext, table: Table, days: DayRange, frames: list[DataFrame], contents: DayContents
) -> None:
    """Replace the quarantined rows of these days; without any, remove the rows of an earlier build."""
    quarantine = context.lake.table(quarantine_of(table.name), day="day")
    if not frames and not quarantine.exists():
        return
    none = context.spark.createDataFrame([], "day date, source string, reasons string, row string")
    quarantine.publish(reduce(lambda a, b: a.unionByName(b), frames, none), days, contents)
