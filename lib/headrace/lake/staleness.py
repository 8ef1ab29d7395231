"""Publish ids: the id that each day of a table should have now, and from it the days that are stale."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping

from headrace.days import ONE, DayRange, runs
from headrace.declare import Feed, LookBack, Source, Table
from headrace.errors import MissingLookBackError

BEFORE_FIRST_DAY = "-"  # stands for the id of a day before the source's first day

Ids = Mapping["dt.date | None", str]  # publish ids by day; a reference feed has one id, under None


def first_day(source: Source) -> dt.date:
    """The first day that a source can have: a feed's ``since``; for a table, the latest first day of its sources."""
    if isinstance(source, Feed):
        return source.since or dt.date.min
    assert isinstance(source, Table)
    return max((first_day(s.source) for s in source.sources), default=dt.date.min)


def expected(table: Table, code: str, ids_of: Callable[[str], Ids], days: Iterable[dt.date]) -> dict[dt.date, str]:
    """The publish id of each day, if it were built now from what its sources have published.

    Days before the table's first day are left out.

    Args:
        code: the digest of everything except the input that decides the rows: transform, contract, checks.
        ids_of: maps a source's name to its publish ids by day.

    Raises:
        MissingLookBackError: a source has no publication on a day that the table looks back on.
    """
    days = [day for day in days if day >= first_day(table)]
    sources = [(source, ids_of(source.name)) for source in table.sources]
    _refuse_missing_reference(table, sources, days)
    _refuse_missing_days(table, sources, days)
    return {day: _digest([code, *([s.name, *_ids_seen(s, ids, day)] for s, ids in sources)]) for day in days}


def stale(expected_ids: Mapping[dt.date, str], published: Mapping[dt.date, str]) -> list[DayRange]:
    """The days whose published id differs from the expected one, as the fewest closed ranges."""
    return runs(day for day, publish_id in expected_ids.items() if published.get(day) != publish_id)


def _refuse_missing_reference(table: Table, sources: list[tuple[LookBack, Ids]], days: list[dt.date]) -> None:
    for source, ids in sources:
        if days and _is_reference(source) and None not in ids:
            raise MissingLookBackError(
                f"{table.name} reads {source.name}, which has not been landed",
                f"First run `headrace land --feed {source.name} --days {days[0]}`",
            )


def _refuse_missing_days(table: Table, sources: list[tuple[LookBack, Ids]], days: list[dt.date]) -> None:
    missing = {
        source.name: sorted({d for day in days for d in _days_seen(source, day) if _is_missing(source, ids, d)})
        for source, ids in sources
    }
    missing = {name: dates for name, dates in missing.items() if dates}
    if not missing:
        return
    listed = "; ".join(f"{name} on {', '.join(map(str, runs(dates)))}" for name, dates in missing.items())
    name, dates = next(iter(missing.items()))
    is_table = any(s.name == name and isinstance(s.source, Table) for s, _ in sources)
    command = f"build {name}" if is_table else f"land --feed {name}"
    raise MissingLookBackError(
        f"{table.name} looks back on days that are missing: {listed}",
        f"First run `headrace {command} --days {DayRange(dates[0], dates[-1])}`",
    )


def _is_reference(source: LookBack) -> bool:
    return isinstance(source.source, Feed) and not source.source.daily


def _days_seen(source: LookBack, day: dt.date) -> list[dt.date]:
    """The days of the source that a build of ``day`` sees."""
    if _is_reference(source):
        return []
    return [day + n * ONE for n in range(source.first, source.last + 1)]


def _is_missing(source: LookBack, ids: Ids, day: dt.date) -> bool:
    return day not in ids and day >= first_day(source.source)


def _ids_seen(source: LookBack, ids: Ids, day: dt.date) -> list[str]:
    """The source's publish ids that a build of ``day`` depends on."""
    if _is_reference(source):
        return [ids[None]]
    return [ids.get(d, BEFORE_FIRST_DAY) for d in _days_seen(source, day)]


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
