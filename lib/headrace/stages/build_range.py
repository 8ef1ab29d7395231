"""Build one chunk of the days of a table: read, transform, stage, check, publish in one commit."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import dataclass

from headrace.days import DayRange, runs
from headrace.declare import Table
from headrace.lake.table import DayContents
from headrace.quality import quarantine
from headrace.stages.alone import verify_range
from headrace.stages.as_of import inputs_of
from headrace.stages.batch import Batch, staged
from headrace.stages.build_plan import BuildPlan
from headrace.stages.chunks import Chunk, set_partitions
from headrace.stages.code_digest import check_unchanged
from headrace.stages.context import StageContext
from headrace.stages.counting import RowCount
from headrace.stages.made_from import made_from_now
from headrace.stages.progress import log_progress, throughput
from headrace.stages.transform_errors import transform_errors


@dataclass(frozen=True)
class RangeBuild:
    """What building one range did.

    Attributes:
        published: the days that were published.
        refused: the other days, each with the reason.
        rows, quarantined: rows of the published days.
        reasons: why rows were quarantined, with the number of rows.
        sources: rows of each source on the days of the range.
        returned, outside: rows that the transform returned, and rows among them on other days.
    """

    published: list[DayRange]
    refused: Mapping[dt.date, str]
    rows: int
    quarantined: int
    reasons: Mapping[str, int]
    sources: Mapping[str, RowCount]
    returned: int
    outside: int

    @classmethod
    def of(cls, batch: Batch) -> RangeBuild:
        """The figures of a batch, without its rows."""
        return cls(
            published=runs(batch.counts),
            refused=batch.refused,
            rows=sum(count.published for count in batch.counts.values()),
            quarantined=sum(count.bad for count in batch.counts.values()),
            reasons=batch.reasons,
            sources=batch.sources,
            returned=batch.returned,
            outside=batch.outside,
        )


def build_range(context: StageContext, table: Table, chunk: Chunk, plan: BuildPlan) -> RangeBuild:
    """Build one chunk. Days that are refused are left as they were; the others are published in one commit.

    Raises:
        TransformError: the transform, or a query that it made, failed.
        DifferentRowsError: the code is new, and a day has other rows in the range than built alone.
        CodeChangedError: somebody has changed the code since the plan was made.
        WriteConflictError: another build published some of these days since the plan was made.
    """
    clock, days = time.monotonic(), chunk.days
    set_partitions(context, chunk.bytes)
    with context.staging.part(chunk.bytes) as staging:
        inputs = inputs_of(context, table, days, staging)
        with transform_errors(table, days):
            batch = staged(context, table, days, inputs, staging)
            if len(days) > 1 and batch.counts and plan.compares(chunk):
                verify_range(context, table, batch.good, list(batch.counts), plan.code)
            check_unchanged(context, table, plan.code)
            _publish(context, table, batch, plan)
    done = RangeBuild.of(batch)
    _log(table, days, done, clock)
    return done


def _publish(context: StageContext, table: Table, batch: Batch, plan: BuildPlan) -> None:
    """Publish the good rows of the accepted days; their bad rows are kept first."""
    if not batch.counts:
        return
    ids = {day: plan.ids[day] for day in batch.counts}
    rows = {day: count.published for day, count in batch.counts.items()}
    quarantined = {day: count.bad for day, count in batch.counts.items()}
    if batch.quarantined is not None:
        kept = context.lake.table(quarantine.quarantine_of(table.name))
        quarantine.write(batch.quarantined, kept.path, ids)
    made_from = made_from_now(context, table, DayRange(min(ids), max(ids)))
    context.table(table).publish(batch.good, DayContents(ids, rows, quarantined, plan.code, made_from), plan.standing)


def _log(table: Table, days: DayRange, done: RangeBuild, began: float) -> None:
    log_progress("build", f"{table.name:<20} {days}", **throughput(done.rows, began))
    for reason, count in sorted(done.reasons.items()):
        log_progress("build", f"{table.name:<20} {count:,} rows quarantined: {reason}")
    for day, why in sorted(done.refused.items()):
        log_progress("build", f"{table.name:<20} {day} refused: {why}")
