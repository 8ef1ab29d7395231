"""Why days of a table are stale: what has changed since they were published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from headrace.days import DayRange
from headrace.declare import LookBack, Table
from headrace.lake.made_from import MadeFrom, SeenIds, made_from
from headrace.lake.publications import Publication
from headrace.stages.build_plan import BuildPlan, expected_under, views
from headrace.stages.code_digest import code_parts
from headrace.stages.context import StageContext
from headrace.stages.made_from import reads_of, seen

Kind = Literal["never built", "rows changed", "code", "feed", "table", "table to build", "unknown"]


@dataclass(frozen=True)
class Cause:
    """What made a day stale.

    ``what`` is the part of the code (empty if unknown), the source's name, or what somebody else did to the rows.
    """

    kind: Kind
    what: str = ""


@dataclass(frozen=True)
class Stale:
    """The days that are stale by one cause, and the days of the source that it names."""

    cause: Cause
    days: tuple[dt.date, ...]
    source_days: tuple[dt.date, ...] = ()


def why_stale(
    context: StageContext, table: Table, plan: BuildPlan, to_build: Mapping[str, Collection[dt.date]]
) -> list[Stale]:
    """The causes that make the days of a plan stale, in the order of their days; a day may have several.

    Args:
        to_build: the days of the tables upstream that will be built first. The context foresees their publications.
    """
    found: dict[Cause, tuple[set[dt.date], set[dt.date]]] = {}
    for day, cause, source_day in _Causes(context, table, plan, to_build).of(plan.days):
        of_days, of_source = found.setdefault(cause, (set(), set()))
        of_days.add(day)
        of_source.update({source_day} if source_day else ())
    causes = [Stale(cause, tuple(sorted(days)), tuple(sorted(of))) for cause, (days, of) in found.items()]
    return sorted(causes, key=lambda one: one.days)


_Found = Iterator[tuple[dt.date, Cause, dt.date | None]]


class _Causes:
    """Finds the causes of each day: the day, the cause, and a day of the source that it names."""

    def __init__(
        self, context: StageContext, table: Table, plan: BuildPlan, to_build: Mapping[str, Collection[dt.date]]
    ) -> None:
        self._context, self._table, self._plan, self._to_build = context, table, plan, to_build
        self._target = context.table(table)

    def of(self, days: Sequence[dt.date]) -> _Found:
        published = {day: self._plan.standing[day] for day in days if day in self._plan.standing}
        for day in days:
            if day not in published:
                change = self._target.changes.get(day)
                yield day, Cause("rows changed", str(change)) if change else Cause("never built"), None
        then = made_from(self._target.path, published)
        yield from self._unrecorded({day: p for day, p in published.items() if day not in then})
        explained = set()
        for found in self._recorded(published, then):
            explained.add(found[0])
            yield found
        for day in then.keys() - explained:
            yield day, Cause("unknown"), None

    def _recorded(self, published: Mapping[dt.date, Publication], then: Mapping[dt.date, MadeFrom]) -> _Found:
        """The causes of days whose commit says what they were made from."""
        for day, before in then.items():
            if self._changed_code(published[day], day):
                for part in self._changed_parts(before):
                    yield day, Cause("code", part), None
        for view, days in views(self._context, self._table, sorted(then)):
            for read in reads_of(self._table):
                now = seen(view, read, DayRange(days[0], days[-1]))
                for day in days:
                    if read.name in then[day].sources:
                        yield from self._changed_days(read, day, then[day].sources[read.name], now)

    def _changed_code(self, publication: Publication, day: dt.date) -> bool:
        """Whether other code made the day, and the present code was not accepted for it."""
        code, accepted = self._plan.code, self._context.acceptances(self._table)
        return publication.code != code and not any(a.old == publication.code and a.holds(code, day) for a in accepted)

    def _changed_parts(self, before: MadeFrom) -> list[str]:
        """The parts of the code that have changed; an empty name if it is unknown which."""
        now = code_parts(self._context, self._table)
        return [part for part, digest in now.items() if before.code.get(part, digest) != digest] or [""]

    def _changed_days(self, read: LookBack, day: dt.date, then: SeenIds, now: SeenIds) -> _Found:
        """The days of a source that differ from what a build of ``day`` saw."""
        if now.first is None:
            if then.ids != now.ids:
                yield day, Cause("feed", read.name), None
            return
        for of_source in DayRange(day, day).widened(-read.first, read.last):
            if (before := then.on(of_source)) and before != now.on(of_source):
                yield day, Cause(self._kind(read, of_source), read.name), of_source

    def _kind(self, read: LookBack, of_source: dt.date) -> Kind:
        if not isinstance(read.source, Table):
            return "feed"
        return "table to build" if of_source in self._to_build.get(read.name, ()) else "table"

    def _unrecorded(self, published: Mapping[dt.date, Publication]) -> _Found:
        """The causes of days whose commit is not in the log any more, or does not say what they were made from."""
        by_code: dict[str, list[dt.date]] = {}
        for day, publication in published.items():
            by_code.setdefault(publication.code, []).append(day)
        for code, days in by_code.items():
            under_old = expected_under(self._context, self._table, sorted(days), code).ids
            for day in days:
                upstream = list(self._upstream(day))
                yield from upstream
                if code and self._changed_code(published[day], day):
                    yield day, Cause("code"), None
                if not upstream and under_old.get(day) != published[day].id:
                    yield day, Cause("unknown"), None

    def _upstream(self, day: dt.date) -> _Found:
        """The days of tables upstream that a build of ``day`` reads, and that will be built first."""
        for read in reads_of(self._table):
            for of_source in DayRange(day, day).widened(-read.first, read.last):
                if of_source in self._to_build.get(read.name, ()):
                    yield day, Cause("table to build", read.name), of_source
