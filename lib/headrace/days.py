"""Closed ranges of days, the unit of work of every stage."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from headrace.errors import ConfigError

ONE = dt.timedelta(days=1)


@dataclass(frozen=True, order=True)
class DayRange:
    """The days from ``first`` to ``last``, both included."""

    first: dt.date
    last: dt.date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ConfigError(f"the range of days {self.first}..{self.last} ends before it begins", "Swap its ends")

    @classmethod
    def parse(cls, text: str) -> DayRange:
        """Read ``2026-01-31`` or ``2026-01-01..2026-01-07``.

        Raises:
            ConfigError: the text is written another way, or the range ends before it begins.
        """
        first, dots, last = text.partition("..")
        try:
            return cls(dt.date.fromisoformat(first), dt.date.fromisoformat(last if dots else first))
        except ValueError:
            raise ConfigError(
                f"{text!r} is not a range of days", "Write 2026-01-31, or 2026-01-01..2026-01-07"
            ) from None

    def __iter__(self) -> Iterator[dt.date]:
        return (self.first + dt.timedelta(days=n) for n in range(len(self)))

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __contains__(self, day: object) -> bool:
        return isinstance(day, dt.date) and self.first <= day <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}..{self.last}"

    def widened(self, back: int, ahead: int = 0) -> DayRange:
        """The range that begins ``back`` days earlier and ends ``ahead`` days later."""
        return DayRange(self.first - back * ONE, self.last + ahead * ONE)


def runs(days: Iterable[dt.date]) -> list[DayRange]:
    """The fewest closed ranges that contain exactly ``days``, sorted."""
    ranges: list[DayRange] = []
    for day in sorted(set(days)):
        if ranges and day - ranges[-1].last == ONE:
            ranges[-1] = DayRange(ranges[-1].first, day)
        else:
            ranges.append(DayRange(day, day))
    return ranges
