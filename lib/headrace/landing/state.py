"""The state of a landing log: the deliveries of each day that count after its entries, in their order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import TypeAlias

from headrace.landing.entry import Entry, Record, Withdrawn

Day: TypeAlias = dt.date | None  # None: a reference feed's one set of files
Deliveries: TypeAlias = tuple[Record, ...]  # of one day, the oldest first


@dataclass(frozen=True)
class State:
    """What counts after the entry ``number``, whose token is ``token``; number 0 is before the first entry.

    Attributes:
        deliveries: the records of each day that were not withdrawn, the oldest first; the last of them stands.
        withdrawn: the records that were withdrawn, and did not land again, by day.
    """

    number: int = 0
    token: str = ""
    deliveries: Mapping[Day, Deliveries] = field(default_factory=dict)
    withdrawn: Mapping[Day, tuple[Withdrawn, ...]] = field(default_factory=dict)

    @property
    def standing(self) -> dict[Day, Record]:
        """The newest record of each day that was not withdrawn."""
        return {day: records[-1] for day, records in self.deliveries.items()}

    def after(self, entries: Iterable[Entry]) -> State:
        """The state after some more entries."""
        return reduce(_after, entries, self)

    def same_day(self, other: State, day: Day) -> bool:
        """Whether nothing happened to the day between the two states."""
        same_deliveries = self.deliveries.get(day) == other.deliveries.get(day)
        return same_deliveries and self.withdrawn.get(day) == other.withdrawn.get(day)


def _after(state: State, entry: Entry) -> State:
    deliveries, withdrawn = dict(state.deliveries), dict(state.withdrawn)
    returned = {undone.record.day for undone in entry.withdrawn}
    for undone in entry.withdrawn:
        day = undone.record.day
        withdrawn[day] = (*withdrawn.get(day, ()), undone)
        if left := deliveries.pop(day)[:-1]:
            deliveries[day] = left
    for record in entry.landed:
        if record.day not in returned:  # otherwise it is the delivery before the withdrawn one
            deliveries[record.day] = (*deliveries.get(record.day, ()), record)
        others = tuple(w for w in withdrawn.pop(record.day, ()) if w.record.publish_id != record.publish_id)
        if others:
            withdrawn[record.day] = others
    return State(entry.number, entry.token, deliveries, withdrawn)
