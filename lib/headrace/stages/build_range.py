"""Build one range of days of one table: read, transform, check, publish in one commit."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from headrace.days import DayRange, runs
from headrace.declare import Table
from headrace.lake.table import DayContents
from headrace.quality import quarantine
from headrace.stages.batch import Batch, staged
from headrace.stages.build_plan import BuildPlan
from headrace.stages.context import StageContext
from headrace.stages.progress import log_progress, throughput
from headrace.stages.sources import read_source

Key = TypeVar("Key")


@dataclass(frozen=True)
class RangeBuild:
    """What building one range did.

    ``rows_in`` counts the rows of the sources on these days. ``rows`` and ``quarantined`` count rows of the days that
    were published. ``refused`` has the reason of each day that was refused.
    """

    published: list[DayRange]
    rows_in: int
    rows: int
    quarantined: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[dt.date, str] = field(default_factory=dict)


def build_range(context: StageContext, table: Table, days: DayRange, plan: BuildPlan) -> RangeBuild:
    """Build one range. Days that are refused are left as they were; the others are published in one commit.

    Raises:
        WriteConflictError: another build published some of these days since the plan was made.
    """
    clock = time.monotonic()
    inputs = [read_source(context, source, days) for source in table.sources]
    try:
        batch = staged(context, table, days, inputs)
        try:
            _publish(context, table, batch, plan)
        finally:
            batch.release()
    finally:
        for source in inputs:
            source.release()
    rows, quarantined = (sum(counts.values()) for counts in (batch.rows, batch.quarantined_rows))
    log_progress("build", f"{table.name:<20} {days}", **throughput(rows, clock))
    for reason, count in sorted(batch.reasons.items()):
        log_progress("build", f"{table.name:<20} {count:,} rows quarantined: {reason}")
    for day, why in sorted(batch.refused.items()):
        log_progress("build", f"{table.name:<20} {day} refused: {why}")
    rows_in = sum(source.count for source in inputs)
    return RangeBuild(runs(batch.accepted), rows_in, rows, quarantined, batch.reasons, batch.refused)


def added(counts: Iterable[Mapping[Key, int]]) -> dict[Key, int]:
    """The counts of several mappings, added key by key."""
    total: dict[Key, int] = {}
    for mapping in counts:
        for key, count in mapping.items():
            total[key] = total.get(key, 0) + count
    return total


def _publish(context: StageContext, table: Table, batch: Batch, plan: BuildPlan) -> None:
    """Publish the good rows of the accepted days; their bad rows are kept first."""
    ids = {day: plan.ids[day] for day in batch.accepted}
    if not ids:
        return
    if batch.quarantined is not None:
        kept = context.lake.table(quarantine.quarantine_of(table.name))
        quarantine.write(batch.quarantined, kept.path, ids)
    contents = DayContents(ids, batch.rows, batch.quarantined_rows)
    context.table(table).publish(batch.good, contents, plan.standing)
