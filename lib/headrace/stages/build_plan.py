"""Plan a build: which days of a table are stale, the publish id that each will have, and which days must wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from headrace.days import DayRange, runs
from headrace.declare import Table
from headrace.lake.publications import Publication
from headrace.lake.staleness import Expected, stale
from headrace.stages.alone import is_unverified
from headrace.stages.as_of import View, look
from headrace.stages.chunks import Chunk, chunks_of
from headrace.stages.code_digest import code_digest
from headrace.stages.context import StageContext
from headrace.stages.corrections import Corrections
from headrace.storage import for_each


@dataclass(frozen=True)
class BuildPlan:
    """What a build of a table has to do.

    Attributes:
        chunks: the stale days that can be built, each chunk in one commit. Its days see the same deliveries.
        ids: the publish id that each of these days will have; it may have more days.
        waiting: the days that miss a day of a source, with the missing days by source.
        standing: the table's publications when the plan was made. Publishing refuses days that have changed since.
        code: the digest of the table's code.
        compare: whether chunks must be compared with days built alone, because the code is new.
    """

    chunks: list[Chunk]
    ids: Mapping[dt.date, str]
    waiting: Mapping[dt.date, Mapping[str, Sequence[dt.date]]]
    standing: Mapping[dt.date, Publication]
    code: str
    compare: bool

    @property
    def days(self) -> list[dt.date]:
        """The days that are to be built."""
        return [day for chunk in self.chunks for day in chunk.days]

    def compares(self, chunk: Chunk) -> bool:
        """Whether a chunk must be compared: the first and the last one, if the code is new."""
        return self.compare and chunk in (self.chunks[0], self.chunks[-1])


def plan_build(context: StageContext, table: Table, days: DayRange, catch_up: bool = False) -> BuildPlan:
    """Plan a build of the stale days in ``days``; with ``catch_up``, also of all other published days.

    The table is looked at before its sources. So if another build publishes newer input after this look, it also
    changes the table after it, and publishing this plan is refused.

    Raises:
        MissingLookBackError: a reference feed that the table reads has not been landed.
    """
    if table.cut_off:
        look(context, table)
    else:
        context.refresh(table)
        for_each(
            context.table(table).path, context.refresh, {read.name: read.source for read in table.sources}.values()
        )
    return planned(context, table, days, catch_up)


def planned(context: StageContext, table: Table, days: DayRange, catch_up: bool) -> BuildPlan:
    """The same plan, from what the context has already seen of the table and its sources."""
    target = context.table(table)
    standing = target.publications
    wanted = sorted({*days, *(standing.keys() | target.changes.keys() if catch_up else ())})
    code = code_digest(context, table)
    found = expected_of(context, table, wanted, code)
    stale_days = [day for some in stale(found.ids, target.publish_ids) for day in some]
    corrections = Corrections(context.landings, table)
    ranges = [part for some in table.ranges(stale_days) for part in corrections.split(some)]
    chunks = chunks_of(context, table, ranges, corrections.split)
    return BuildPlan(chunks, found.ids, found.waiting, standing, code, is_unverified(context, table, code))


def expected_of(context: StageContext, table: Table, days: Sequence[dt.date], code: str) -> Expected:
    """What ``days`` (sorted) of a table are to be published as, each from its sources as of its cut-off.

    A day that was published by code whose rows the table's code was accepted for keeps its id.
    """
    found = expected_under(context, table, days, code)
    published = context.table(table).publish_ids
    others = [day for day, publish_id in found.ids.items() if published.get(day, publish_id) != publish_id]
    kept: dict[dt.date, str] = {}
    for acceptance in context.acceptances(table) if others else ():
        older = expected_under(context, table, [d for d in others if acceptance.holds(code, d)], acceptance.old)
        kept |= {day: publish_id for day, publish_id in older.ids.items() if publish_id == published[day]}
    return Expected({**found.ids, **kept}, found.waiting)


def expected_under(context: StageContext, table: Table, days: Sequence[dt.date], code: str) -> Expected:
    """What ``days`` (sorted) of a table would be published as by code with this digest."""
    ids: dict[dt.date, str] = {}
    waiting: dict[dt.date, Mapping[str, Sequence[dt.date]]] = {}
    for view, some in views(context, table, days):
        found = view.expected(table, some, code)
        ids |= found.ids
        waiting |= found.waiting
    return Expected(ids, waiting)


def views(context: StageContext, table: Table, days: Iterable[dt.date]) -> Iterator[tuple[View, list[dt.date]]]:
    """Consecutive days of ``days`` (sorted) that see the same corrections, with what they see."""
    corrections = Corrections(context.landings, table)
    for cut_off, some in groupby(days, lambda day: corrections.first_unseen(table.cut_off_on(day))):
        yield View(context, corrections, cut_off), list(some)


def stale_days(context: StageContext, table: Table) -> list[DayRange]:
    """The published days of a table that are stale.

    Days that somebody else changed count, and so do days whose sources are missing.

    Raises:
        MissingLookBackError: a reference feed that the table reads has not been landed.
    """
    target = context.table(table)
    days = sorted(target.publications.keys() | target.changes.keys())
    found = expected_of(context, table, days, code_digest(context, table))
    ranges = stale(found.ids, target.publish_ids)
    return runs([*(day for some in ranges for day in some), *found.waiting])
