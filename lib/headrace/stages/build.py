"""Build tables: upstream tables first, and of each table the days that are stale."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping

from headrace.commands import Build
from headrace.days import DayRange, runs
from headrace.declare import Table
from headrace.errors import MissingInputError
from headrace.frozen import FrozenModel
from headrace.lake.staleness import expected, first_day, stale
from headrace.outcome import Result
from headrace.quality.verdict import refusal
from headrace.stages.build_range import build_range
from headrace.stages.context import StageContext, published
from headrace.stages.progress import log_progress
from headrace.stages.sources import code_digest, publish_ids


class TableBuild(FrozenModel):
    """What building one table did: the ranges built, their rows, and why rows were quarantined.

    ``rows_in`` is None if no day was stale; ``rows`` then counts what is published.
    """

    rows: int
    built: tuple[str, ...] = ()
    rows_in: int | None = None
    quarantined: int = 0
    reasons: dict[str, int] = {}


class BuildResult(Result):
    """What was built, by table."""

    builds: dict[str, TableBuild] = {}


def build_tables(context: StageContext, command: Build) -> BuildResult:
    """Build the stale days of a table, and of all tables that it is made from.

    With ``catch_up`` also every other published day of these tables that is stale: a corrected day makes the days stale
    that look back on it.

    Raises:
        MissingInputError: the feeds begin later.
    """
    days = DayRange.parse(command.days)
    first = first_day(context.use_case.table(command.table))
    if days.last < first:
        raise MissingInputError(f"{command.table} begins on {first}, after {days}", f"Choose days from {first} on")
    builds: dict[str, TableBuild] = {}
    for table in context.use_case.in_order(command.table):
        builds[table.name] = _build(context, table, days, command.catch_up)
        context.note(BuildResult(stage=command.stage, of=command.table, days=str(days), builds=dict(builds)))
    tables = {name: published(context.lake.table(name), days) for name in builds}
    return BuildResult(
        stage=command.stage,
        of=command.table,
        days=str(days),
        rows=tables[command.table].rows,
        tables=tables,
        builds=builds,
    )


def stale_days(
    context: StageContext, table: Table, days: DayRange | None = None
) -> tuple[list[DayRange], dict[dt.date, str]]:
    """The ranges of ``days`` that are stale, and the publish ids that they will have; by default of all published days.

    Raises:
        MissingLookBackError: a source has no publication on a day that the table looks back on.
    """
    published_ids = context.table(table).publish_ids
    wanted = list(days or published_ids)
    if not wanted:
        return [], {}

    def ids_of(name: str) -> Mapping[dt.date | None, str]:
        reads = [s for s in table.sources if s.name == name]  # a table may read a source more than once
        back, ahead = -min(s.first for s in reads), max(s.last for s in reads)
        return publish_ids(context, reads[0].source, DayRange(min(wanted), max(wanted)).widened(back, ahead))

    ids = expected(table, code_digest(context, table), ids_of, wanted)
    return stale(ids, published_ids), ids


def _build(context: StageContext, table: Table, days: DayRange, catch_up: bool) -> TableBuild:
    ranges, ids = stale_days(context, table, days)
    if catch_up:
        older, older_ids = stale_days(context, table)
        ranges = runs(day for days in (*ranges, *older) for day in days)  # the two may share days
        ids = {**older_ids, **ids}
    if not ranges:
        rows = context.table(table).rows(days)
        log_progress("build", f"{table.name:<20} {days}  up to date", rows=f"{rows:,}")
        return TableBuild(rows=rows)
    done = [build_range(context, table, days, ids) for days in ranges]
    if refused := {day: reason for built in done for day, reason in built.batch.refused.items()}:
        raise refusal(table.name, refused)
    reasons: Counter[str] = sum((Counter(built.batch.reasons) for built in done), Counter())
    return TableBuild(
        rows=sum(built.rows for built in done),
        built=tuple(map(str, ranges)),
        rows_in=sum(source.recorded for built in done for source in built.batch.sources.values()),
        quarantined=sum(built.quarantined for built in done),
        reasons=dict(reasons),
    )
