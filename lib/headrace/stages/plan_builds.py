"""What a build would do now, table by table: a build is planned as if the tables upstream had been built."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Literal

from headrace.days import DayRange, runs
from headrace.declare import Source, Table
from headrace.errors import MissingLookBackError
from headrace.frozen import FrozenModel
from headrace.lake.publications import Publication
from headrace.lake.staleness import check_begun, is_reference
from headrace.stages.as_of import look
from headrace.stages.build_plan import BuildPlan, planned
from headrace.stages.chunks import landed_rows
from headrace.stages.context import StageContext
from headrace.stages.why_stale import Kind, Stale, why_stale

Does = Literal["waiting", "accepted"]


class Reason(FrozenModel):
    """Why ``days`` are stale, wait or stand: see ``why_stale.Cause``.

    ``source_days`` are days of the source ``what`` that have changed, or that are missing.
    """

    kind: Kind | Does
    what: str
    days: tuple[str, ...]
    source_days: tuple[str, ...] = ()


class PlannedChunk(FrozenModel):
    """Days that one commit would build, and the rows and bytes that it would read: see ``chunks.Chunk``.

    Of days that are not built yet, the rows are estimated.
    """

    days: str
    rows: int
    bytes: int


class TablePlan(FrozenModel):
    """What a build would do with one table. All days are written as ranges.

    Attributes:
        days: the number of days that it would build.
        ranges: these days.
        chunks: these days as it would commit them, with what it would read.
        reasons: why they are stale; a day may have several reasons.
        waiting: the days that miss days of a source, with the source and the days that are missing.
        accepted: the days that stand because their code was accepted, with the reason that was given.
    """

    table: str
    days: int = 0
    ranges: tuple[str, ...] = ()
    chunks: tuple[PlannedChunk, ...] = ()
    reasons: tuple[Reason, ...] = ()
    waiting: tuple[Reason, ...] = ()
    accepted: tuple[Reason, ...] = ()

    @property
    def rows(self) -> int:
        """The rows that it would read, look-backs included. A day that two chunks read counts twice."""
        return sum(chunk.rows for chunk in self.chunks)

    @property
    def bytes(self) -> int:
        """The bytes that these rows take in Spark's memory, about."""
        return sum(chunk.bytes for chunk in self.chunks)


def plan_builds(context: StageContext, name: str, days: DayRange, catch_up: bool = False) -> list[TablePlan]:
    """What building days of a table would do now to it and to each table that it is made from, upstream first.

    It publishes nothing and starts no Spark. It takes for granted that no day will be refused.

    Raises:
        MissingInputError: the feeds begin later.
    """
    table = context.use_case.table(name)
    check_begun(table, days)
    look(context, table)
    to_build: dict[str, set[dt.date]] = {}
    plans = []
    for each in context.use_case.in_order(name):
        try:
            plan = planned(context, each, days, catch_up)
        except MissingLookBackError as missing:  # a reference feed, so no day can be built
            plans.append(TablePlan(table=each.name, waiting=(_reason("waiting", missing.what, days),)))
            continue
        plans.append(_described(context, each, plan, why_stale(context, each, plan, to_build)))
        to_build[each.name] = set(plan.days)
        context.table(each).foresee(_foreseen(context, each, plan, to_build[each.name]))
    return plans


def _described(context: StageContext, table: Table, plan: BuildPlan, stale: Iterable[Stale]) -> TablePlan:
    return TablePlan(
        table=table.name,
        days=len(plan.days),
        ranges=tuple(map(str, runs(plan.days))),
        chunks=tuple(PlannedChunk(days=str(one.days), rows=one.rows, bytes=one.bytes) for one in plan.chunks),
        reasons=tuple(_reason(one.cause.kind, one.cause.what, one.days, one.source_days) for one in stale),
        waiting=tuple(_waiting(plan)),
        accepted=tuple(_accepted(context, table, plan)),
    )


def _reason(kind: Kind | Does, what: str, days: Iterable[dt.date], source_days: Iterable[dt.date] = ()) -> Reason:
    return Reason(
        kind=kind, what=what, days=tuple(map(str, runs(days))), source_days=tuple(map(str, runs(source_days)))
    )


def _waiting(plan: BuildPlan) -> list[Reason]:
    """The days that wait, by the source whose days are missing."""
    found: dict[str, tuple[set[dt.date], set[dt.date]]] = {}
    for day, missing in plan.waiting.items():
        for name, of_source in missing.items():
            days, source_days = found.setdefault(name, (set(), set()))
            days.add(day)
            source_days.update(of_source)
    return [_reason("waiting", name, days, of_source) for name, (days, of_source) in found.items()]


def _accepted(context: StageContext, table: Table, plan: BuildPlan) -> list[Reason]:
    """The days that stand although other code made them, by the reason why the present code was accepted."""
    found: dict[str, list[dt.date]] = {}
    for day, publish_id in plan.ids.items():
        standing = plan.standing.get(day)
        if standing and standing.id == publish_id and standing.code not in ("", plan.code):
            why = next((a.reason for a in context.acceptances(table) if a.holds(plan.code, day)), "")
            found.setdefault(why, []).append(day)
    return [_reason("accepted", why, days) for why, days in found.items()]


def _foreseen(
    context: StageContext, table: Table, plan: BuildPlan, days: Iterable[dt.date]
) -> Mapping[dt.date, Publication]:
    """The publications that a build of ``days`` will make."""
    now, version = dt.datetime.now(dt.UTC), context.table(table).version + 1
    return {
        day: Publication(id=plan.ids[day], rows=_likely_rows(context, table, plan, day), quarantined=0,
                         version=version, at=now, code=plan.code)
        for day in days
    }  # fmt: skip


def _likely_rows(context: StageContext, table: Table, plan: BuildPlan, day: dt.date) -> int:
    """As many rows as the day had, or as the largest source has on that day."""
    if day in plan.standing:
        return plan.standing[day].rows
    return max((_rows(context, read.source, day) for read in table.sources if not is_reference(read)), default=0)


def _rows(context: StageContext, source: Source, day: dt.date) -> int:
    if isinstance(source, Table):
        published = context.table(source).publications.get(day)
        return published.rows if published else 0
    record = context.landings.record(source.name, day)
    if record is None or record.rows is not None:
        return (record and record.rows) or 0
    return landed_rows(record, context.use_case.contract(context.use_case.feed(source.name)))
