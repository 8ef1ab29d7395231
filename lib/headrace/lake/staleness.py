"""Publish ids: what each day of a table should be made of now, and so which days are stale."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping

from headrace.days import ONE, DayRange, runs
from headrace.declare import Feed, Table
from headrace.declare.table import LookBack
from headrace.errors import MissingLookBackError

BEFORE_ALL = "-"  # a day before the source's first

Ids = Mapping["dt.date | None", str]  # a reference feed has one id, under None


def first_day(source: Feed | Table) -> dt.date:
    """The first day that a source can have: that of its feeds, the latest of them for a table."""
    if isinstance(source, Feed):
        return source.since or dt.date.min
    return max((first_day(s.source) for s in source.sources), default=dt.date.min)


def expected(table: Table, code: str, ids_of: Callable[[str], Ids], days: Iterable[dt.date]) -> dict[dt.date, str]:
    """The publish id that each day of the table has once it is made from what its sources have now.

    Args:
        code: the digest of all that decides how rows are made: the transform, contract, checks.
        ids_of: a source's name to its publish ids by day.

    Raises:
        MissingLookBackError: a source has no publication on a day that is looked back on.
    """
    sources = [(source, ids_of(source.name)) for source in table.sources]
    days = [day for day in days if day >= first_day(table)]
    for source, ids in sources:
        if days and _reference(source) and None not in ids:
            raise MissingLookBackError(
                f"{table.name} reads {source.name}, which has not been landed",
                f"First run `headrace land --feed {source.name} --days {days[0]}`",
            )
    holes = {
        source.name: sorted({d for day in days for d in _days(source, day) if _hole(source, ids, d)})
        for source, ids in sources
    }
    holes = {name: missing for name, missing in holes.items() if missing}
    if holes:
        told = "; ".join(f"{name} on {', '.join(map(str, runs(missing)))}" for name, missing in holes.items())
        name, missing = next(iter(holes.items()))
        is_table = any(s.name == name and isinstance(s.source, Table) for s, _ in sources)
        command = f"build {name}" if is_table else f"land --feed {name}"
        raise MissingLookBackError(
            f"{table.name} looks back on days that are not there: {told}",
            f"First run `headrace {command} --days {DayRange(missing[0], missing[-1])}`",
        )
    return {day: _digest([code, *([s.name, *_ids(s, ids, day)] for s, ids in sources)]) for day in days}


def stale(expected_ids: Mapping[dt.date, str], published: Mapping[dt.date, str]) -> list[DayRange]:
    """The days whose publication is not what is expected, as the fewest closed ranges."""
    return runs(day for day, publish_id in expected_ids.items() if published.get(day) != publish_id)


def _reference(source: LookBack) -> bool:
    return isinstance(source.source, Feed) and not source.source.daily


def _days(source: LookBack, day: dt.date) -> list[dt.date]:
    if _reference(source):
        return []
    return [day + n * ONE for n in range(source.first, source.last + 1)]


def _hole(source: LookBack, ids: Ids, day: dt.date) -> bool:
    return day not in ids and day >= first_day(source.source)


def _ids(source: LookBack, ids: Ids, day: dt.date) -> list[str]:
    if _reference(source):
        return [ids[None]]
    return [ids.get(d, BEFORE_ALL) for d in _days(source, day)]


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
