"""Build tables: upstream tables first, and of each table the days that are stale."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.commands import Build
from headrace.days import DayRange, runs
from headrace.declare import Table
from headrace.errors import (
    ContractError,
    DifferentRowsError,
    HeadraceError,
    MissingLookBackError,
    PermanentError,
    UseCaseError,
    one_of,
)
from headrace.frozen import FrozenModel
from headrace.lake.staleness import check_begun, look_back_error
from headrace.outcome import Result
from headrace.quality.verdict import refusal
from headrace.stages.accept import accept_code
from headrace.stages.bad_rows import added
from headrace.stages.build_plan import BuildPlan, plan_build
from headrace.stages.build_range import RangeBuild, build_range
from headrace.stages.context import StageContext, published
from headrace.stages.counting import RowCount
from headrace.stages.plan_again import planned_again
from headrace.stages.progress import Progress, log_progress

# The code is wrong on all days. After other permanent errors, the other chunks may be good.
OF_THE_CODE = (ContractError, UseCaseError, DifferentRowsError)


class TableBuild(FrozenModel):
    """What building one table did. Without a stale day, ``rows`` counts what is published, and the rest is empty.

    Attributes:
        accepted: the ranges that stand as they are, because new code makes the same rows.
        built: the ranges that were published.
        refused: the reason of each day that its checks refused.
        waiting: the ranges that miss days of a source.
        rows, quarantined: rows of the published days; ``reasons`` says why rows were quarantined.
        sources: rows of each source on all days that were built, the refused ones too: recorded, good and rejected.
        returned, outside: rows that the transform returned, and rows among them on other days.
    """

    rows: int
    accepted: tuple[str, ...] = ()
    built: tuple[str, ...] = ()
    refused: dict[str, str] = {}
    waiting: tuple[str, ...] = ()
    quarantined: int = 0
    reasons: dict[str, int] = {}
    sources: dict[str, RowCount] = {}
    returned: int = 0
    outside: int = 0


class BuildResult(Result):
    """What was built, by table."""

    builds: dict[str, TableBuild] = {}


def build_tables(context: StageContext, command: Build) -> BuildResult:
    """Build the stale days of a table, and of all tables that it is made from.

    With ``catch_up`` also every other published day of these tables that is stale: a corrected day makes the days stale
    that look back on it. A day that cannot be built does not stop the others; the stage fails once they are published.

    Raises:
        MissingInputError: the feeds begin later.
        CodeNotAcceptedError: code was to be accepted, and makes other rows.
        BatchRefusedError: checks refused some days.
        MissingLookBackError: some days miss a day of a source.
        WriteConflictError: other builds kept publishing these days.
    """
    days = DayRange.parse(command.days)
    check_begun(context.use_case.table(command.table), days)
    builds: dict[str, TableBuild] = {}
    failures: list[HeadraceError] = []
    for table in context.use_case.in_order(command.table):
        within = None if command.catch_up else days
        accepted = accept_code(context, table, within, command.reason) if command.accept_code else []
        build, failed = _build(context, table, days, command.catch_up)
        builds[table.name] = build.model_copy(update={"accepted": tuple(map(str, accepted))})
        failures += failed
        context.note(BuildResult(stage=command.stage, of=command.table, days=str(days), builds=dict(builds)))
    if failures:
        raise one_of(failures)
    tables = {name: published(context.lake.table(name), days) for name in builds}
    return BuildResult(
        stage=command.stage,
        of=command.table,
        days=str(days),
        rows=tables[command.table].rows,
        tables=tables,
        builds=builds,
    )


def _build(
    context: StageContext, table: Table, days: DayRange, catch_up: bool
) -> tuple[TableBuild, list[HeadraceError]]:
    """Build one table; returns what was done, and an error for each kind of day that could not be built."""
    try:
        plan, done, failures = _build_stale(context, table, days, catch_up)
    except MissingLookBackError as missing:  # a reference feed, so no day can be built
        return TableBuild(rows=context.table(table).rows(days), waiting=(str(days),)), [missing]
    if not plan.chunks and not done:
        log_progress("build", f"{table.name:<20} {days}  up to date", rows=f"{context.table(table).rows(days):,}")
    refused = {day: why for some in done for day, why in some.refused.items()}
    build = TableBuild(
        rows=sum(some.rows for some in done) if done else context.table(table).rows(days),
        built=tuple(str(days) for some in done for days in some.published),
        refused={str(day): why for day, why in refused.items()},
        waiting=tuple(map(str, runs(plan.waiting))),
        quarantined=sum(some.quarantined for some in done),
        reasons=added(some.reasons for some in done),
        sources=_sources(done),
        returned=sum(some.returned for some in done),
        outside=sum(some.outside for some in done),
    )
    refusals = [refusal(table.name, refused)] if refused else []
    waits = [look_back_error(table, plan.waiting)] if plan.waiting else []
    return build, [*failures, *refusals, *waits]


def _sources(done: Sequence[RangeBuild]) -> dict[str, RowCount]:
    by_source: dict[str, list[RowCount]] = {}
    for some in done:
        for name, count in some.sources.items():
            by_source.setdefault(name, []).append(count)
    return {name: RowCount.sum(counts) for name, counts in by_source.items()}


def _build_stale(
    context: StageContext, table: Table, days: DayRange, catch_up: bool
) -> tuple[BuildPlan, list[RangeBuild], list[HeadraceError]]:
    """Build the stale days; plan again if another build publishes some of them first.

    Returns the last plan, the chunks that were built, and an error for each chunk that cannot be built.
    """
    done: list[RangeBuild] = []
    failed: dict[DayRange, HeadraceError] = {}

    def attempt() -> BuildPlan:
        plan = plan_build(context, table, days, catch_up)
        progress = Progress([chunk.bytes for chunk in plan.chunks])
        for chunk in plan.chunks:
            if chunk.days not in failed:
                try:
                    done.append(build_range(context, table, chunk, plan))
                except PermanentError as failure:
                    failed[chunk.days] = failure
                    log_progress("build", f"{table.name:<20} {chunk.days} fails: {failure}")
                    if isinstance(failure, OF_THE_CODE):
                        break
            if step := progress.step():
                log_progress("build", f"{table.name:<20} {step}")
        return plan

    plan = planned_again("build", f"{table.name:<20}", attempt)
    tried = [chunk.days for chunk in plan.chunks]  # another plan may have put the days into other chunks
    return plan, done, [failure for days, failure in failed.items() if days in tried]
