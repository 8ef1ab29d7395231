"""Plan a build: which days of a table are stale, the publish id that each will have, and which days must wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace.days import DayRange, runs
from headrace.declare import Table
from headrace.lake.acceptances import acceptances
from headrace.lake.publications import Publication
from headrace.lake.staleness import Expected, Ids, expected, stale
from headrace.stages.alone import is_unverified
from headrace.stages.code_digest import code_digest
from headrace.stages.context import StageContext
from headrace.stages.sources import publish_ids


@dataclass(frozen=True)
class BuildPlan:
    """What a build of a table has to do.

    Attributes:
        ranges: the stale days that can be built.
        ids: the publish id that each of these days will have; it may have more days.
        waiting: the days that miss a day of a source, with the missing days by source.
        standing: the table's publications when the plan was made. Publishing refuses days that have changed since.
        code: the digest of the table's code.
        compare: whether ranges must be compared with days built alone, because the code is new.
    """

    ranges: list[DayRange]
    ids: Mapping[dt.date, str]
    waiting: Mapping[dt.date, Mapping[str, Sequence[dt.date]]]
    standing: Mapping[dt.date, Publication]
    code: str
    compare: bool


def plan_build(context: StageContext, table: Table, days: DayRange, catch_up: bool = False) -> BuildPlan:
    """Plan a build of the stale days in ``days``; with ``catch_up``, also of all other published days.

    The table is looked at before its sources. So if another build publishes newer input after this look, it also
    changes the table after it, and publishing this plan is refused.

    Raises:
        MissingLookBackError: a reference feed that the table reads has not been landed.
    """
    target = context.table(table)
    target.refresh()
    for source in table.sources:
        context.refresh(source.source)
    standing = target.publications
    wanted = sorted({*days, *(standing.keys() | target.changes.keys() if catch_up else ())})
    code = code_digest(context, table)
    found = expected_of(context, table, wanted, code)
    ranges = stale(found.ids, target.publish_ids)
    if table.each_day:
        ranges = [DayRange(day, day) for some in ranges for day in some]
    return BuildPlan(ranges, found.ids, found.waiting, standing, code, is_unverified(context, table, code))


def expected_of(context: StageContext, table: Table, days: Sequence[dt.date], code: str) -> Expected:
    """What ``days`` (sorted) of a table are to be published as, from what its sources have published.

    A day that was published by code whose rows the table's code was accepted for keeps its id.
    """
    found = expected_under(context, table, days, code)
    published = context.table(table).publish_ids
    others = [day for day, publish_id in found.ids.items() if published.get(day, publish_id) != publish_id]
    kept: dict[dt.date, str] = {}
    for acceptance in acceptances(context.table(table).path) if others else ():
        if acceptance.new == code:
            older = expected_under(context, table, [d for d in others if d in acceptance.days], acceptance.old)
            kept |= {day: publish_id for day, publish_id in older.ids.items() if publish_id == published[day]}
    return Expected({**found.ids, **kept}, found.waiting)


def expected_under(context: StageContext, table: Table, days: Sequence[dt.date], code: str) -> Expected:
    """What ``days`` (sorted) of a table would be published as by code with this digest."""
    if not days:
        return Expected({})

    def ids_of(name: str) -> Ids:
        reads = [s for s in table.sources if s.name == name]  # a table may read a source more than once
        back, ahead = -min(s.first for s in reads), max(s.last for s in reads)
        return publish_ids(context, reads[0].source, DayRange(days[0], days[-1]).widened(back, ahead))

    return expected(table, code, ids_of, days)


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
