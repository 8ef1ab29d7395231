"""The state of a landing log: which record of each day stands, after its entries in their order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TypeAlias

from headrace.landing.entry import Entry, Record, Withdrawn

Day: TypeAlias = dt.date | None  # None: a reference feed's one set of files


@dataclass(frozen=True)
class State:
    """What stands after the entry ``number``, whose token is ``token``; number 0 is before the first entry.

    Attributes:
        standing: the newest record of each day that was not withdrawn.
        withdrawn: the records that were withdrawn, and did not land again, by day.
    """

    number: int = 0
    token: str = ""
    standing: Mapping[Day, Record] = field(default_factory=dict)
    withdrawn: Mapping[Day, tuple[Withdrawn, ...]] = field(default_factory=dict)

    def after(self, entries: Iterable[Entry]) -> State:
        """The state after some more entries."""
        return reduce(_after, entries, self)

    def same_day(self, other: State, day: Day) -> bool:
        """Whether nothing happened to the day between the two states."""
        return self.standing.get(day) == other.standing.get(day) and self.withdrawn.get(day) == other.withdrawn.get(day)


def histories(entries: Iterable[Entry]) -> dict[Day, list[Record]]:
    """The records of each day that a withdrawal can return to, the standing one last."""
    histories: dict[Day, list[Record]] = {}
    for entry in entries:
        returned = {w.record.day for w in entry.withdrawn}
        for day in returned:
            histories[day].pop()
        for record in entry.landed:
            if record.day not in returned:
                histories.setdefault(record.day, []).append(record)
    return histories


def _after(state: State, entry: Entry) -> State:
    standing, withdrawn = dict(state.standing), dict(state.withdrawn)
    for undone in entry.withdrawn:
        day = undone.record.day
        standing.pop(day, None)
        withdrawn[day] = (*withdrawn.get(day, ()), undone)
    for record in entry.landed:
        standing[record.day] = record
        others = tuple(w for w in withdrawn.pop(record.day, ()) if w.record.publish_id != record.publish_id)
        if others:
            withdrawn[record.day] = others
    return replace(state, number=entry.number, token=entry.token, standing=standing, withdrawn=withdrawn)
