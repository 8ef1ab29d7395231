"""Publish ids: the id that each day of a table should have now, and from it the days that are stale."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from headrace.days import ONE, DayRange, runs
from headrace.declare import Feed, LookBack, Source, Table
from headrace.errors import MissingInputError, MissingLookBackError

BEFORE_FIRST_DAY = "-"  # stands for the id of a day before the source's first day

Ids = Mapping["dt.date | None", str]  # publish ids by day; a reference feed has one id, under None


def first_day(source: Source) -> dt.date:
    """The first day that a source can have: a feed's ``since``; for a table, the latest first day of its sources."""
    if isinstance(source, Feed):
        return source.since or dt.date.min
    assert isinstance(source, Table)
    return max((first_day(s.source) for s in source.sources), default=dt.date.min)


def check_begun(table: Table, days: DayRange) -> None:
    """Raise MissingInputError if the table begins after these days, so that none of them can be built."""
    first = first_day(table)
    if days.last < first:
        raise MissingInputError(f"{table.name} begins on {first}, after {days}", f"Choose days from {first} on")


@dataclass(frozen=True)
class Expected:
    """The publish id that each day would have if it were built now, and the days that cannot be built.

    Attributes:
        ids: the ids of the days whose sources are all there.
        waiting: the other days, each with the days of its sources that are missing, by the source's name.
    """

    ids: Mapping[dt.date, str]
    waiting: Mapping[dt.date, Mapping[str, Sequence[dt.date]]] = field(default_factory=dict)


def expected(table: Table, code: str, ids_of: Callable[[str], Ids], days: Iterable[dt.date]) -> Expected:
    """What each day would be published as, from what the table's sources have published.

    Days before the table's first day are left out.

    Args:
        code: the digest of everything except the input that decides the rows: transform, contract, checks.
        ids_of: maps a source's name to its publish ids by day.

    Raises:
        MissingLookBackError: a reference feed that the table reads has not been landed.
    """
    days = [day for day in days if day >= first_day(table)]
    sources = [(source, ids_of(source.name)) for source in table.sources]
    _refuse_missing_reference(table, sources, days)
    ids: dict[dt.date, str] = {}
    waiting: dict[dt.date, dict[str, list[dt.date]]] = {}
    for day in days:
        if missing := _missing(sources, day):
            waiting[day] = missing
        else:
            ids[day] = _digest([code, *([s.name, *_ids_seen(s, found, day)] for s, found in sources)])
    return Expected(ids, waiting)


def stale(expected_ids: Mapping[dt.date, str], published: Mapping[dt.date, str]) -> list[DayRange]:
    """The days whose published id differs from the expected one, as the fewest closed ranges."""
    return runs(day for day, publish_id in expected_ids.items() if published.get(day) != publish_id)


def look_back_error(table: Table, waiting: Mapping[dt.date, Mapping[str, Sequence[dt.date]]]) -> MissingLookBackError:
    """The error for days that wait for their sources. It lists what is missing, and the first command to run."""
    missing: dict[str, set[dt.date]] = {}
    for of_day in waiting.values():
        for name, of_source in of_day.items():
            missing.setdefault(name, set()).update(of_source)
    listed = "; ".join(f"{name} on {', '.join(map(str, runs(dates)))}" for name, dates in missing.items())
    name, first_missing = next(iter(missing.items()))
    is_table = any(s.name == name and isinstance(s.source, Table) for s in table.sources)
    command = f"build {name}" if is_table else f"land --feed {name}"
    return MissingLookBackError(
        f"{table.name} looks back on days that are missing: {listed}",
        f"First run `headrace {command} --days {DayRange(min(first_missing), max(first_missing))}`",
    )


def _refuse_missing_reference(table: Table, sources: list[tuple[LookBack, Ids]], days: list[dt.date]) -> None:
    for source, ids in sources:
        if days and is_reference(source) and None not in ids:
            raise MissingLookBackError(
                f"{table.name} reads {source.name}, which has not been landed",
                f"First run `headrace land --feed {source.name} --days {days[0]}`",
            )


def _missing(sources: list[tuple[LookBack, Ids]], day: dt.date) -> dict[str, list[dt.date]]:
    """The days that a build of ``day`` sees and that are not published, by source."""
    missing: dict[str, list[dt.date]] = {}
    for source, ids in sources:
        if dates := [d for d in _days_seen(source, day) if _is_missing(source, ids, d)]:
            missing.setdefault(source.name, []).extend(dates)
    return missing


def is_reference(source: LookBack) -> bool:
    """Whether the source is a feed without days."""
    return isinstance(source.source, Feed) and not source.source.daily


def _days_seen(source: LookBack, day: dt.date) -> list[dt.date]:
    """The days of the source that a build of ``day`` sees."""
    if is_reference(source):
        return []
    return [day + n * ONE for n in range(source.first, source.last + 1)]


def _is_missing(source: LookBack, ids: Ids, day: dt.date) -> bool:
    return day not in ids and day >= first_day(source.source)


def _ids_seen(source: LookBack, ids: Ids, day: dt.date) -> list[str]:
    """The source's publish ids that a build of ``day`` depends on."""
    if is_reference(source):
        return [ids[None]]
    return [ids.get(d, BEFORE_FIRST_DAY) for d in _days_seen(source, day)]


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
