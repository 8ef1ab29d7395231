"""Which days of a source differ between two instants. Only corrections of the feeds below it make a difference."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from functools import cached_property

from headrace.days import ONE, DayRange
from headrace.declare import Feed, LookBack, Source, Table
from headrace.landing.landings import Landings
from headrace.landing.state import Day, Deliveries
from headrace.landing.visible import visible

Instant = dt.datetime | None  # None: now, when all corrections count


class Corrections:
    """The corrections of the feeds below a table, as far as they can change what the table sees.

    A source with a cut-off of its own is published once and for all. So the feeds below it do not count.
    """

    def __init__(self, landings: Landings, table: Table) -> None:
        self._landings = landings
        self._table = table
        self._of_feed: dict[str, dict[Day, Deliveries]] = {}

    def first_unseen(self, cut_off: Instant) -> Instant:
        """When the first correction landed that does not count as of an instant; None if all count.

        Instants with the same result are equal for the table.
        """
        if cut_off is None:
            return None
        position = bisect_left(self._landed_at, cut_off)
        return self._landed_at[position] if position < len(self._landed_at) else None

    def between(self, source: Source, one: Instant, other: Instant, days: DayRange) -> set[dt.date]:
        """The days among ``days`` on which the source's rows as of two instants may differ."""
        if one == other:
            return set()
        if isinstance(source, Feed):
            return self._between(source, one, other, days)
        assert isinstance(source, Table)
        if source.cut_off:
            return set()
        found: set[dt.date] = set()
        for read in source.sources:
            for seen in self.between(read.source, one, other, days.widened(-read.first, read.last)):
                found.update(day for day in _days_that_see(read, seen) if day in days)
        return found

    def split(self, days: DayRange) -> list[DayRange]:
        """Cut a range of the table's days, so that each part can be built as of the cut-off of its first day.

        A part ends before a day whose look-back was something else as of that cut-off than as of its own.
        """
        parts, first = [], days.first
        for day in days:
            if self._are_apart(first, day):
                parts.append(DayRange(first, day - ONE))
                first = day
        return [*parts, DayRange(first, days.last)]

    def _are_apart(self, first: dt.date, day: dt.date) -> bool:
        one, other = (self.first_unseen(self._table.cut_off_on(on)) for on in (first, day))
        back = DayRange(day, day)
        return any(
            self.between(read.source, one, other, back.widened(-read.first, read.last)) for read in self._table.sources
        )

    def _between(self, feed: Feed, one: Instant, other: Instant, days: DayRange) -> set[dt.date]:
        corrected = self._corrected(feed.name)

        def differs(day: Day) -> bool:
            records = [visible(corrected[day], instant) for instant in (one, other)] if day in corrected else []
            return len({record.publish_id for record in records if record}) > 1

        if not feed.daily:
            return set(days) if differs(None) else set()
        return {day for day in days if differs(day)}

    def _corrected(self, feed: str) -> dict[Day, Deliveries]:
        if feed not in self._of_feed:
            self._of_feed[feed] = self._landings.corrected(feed)
        return self._of_feed[feed]

    @cached_property
    def _landed_at(self) -> list[dt.datetime]:
        """When each correction landed, sorted."""
        feeds = {feed.name for feed in _feeds(self._table)}
        days = (deliveries for feed in feeds for deliveries in self._corrected(feed).values())
        return sorted({record.landed_at for deliveries in days for record in deliveries[1:]})


def _feeds(table: Table) -> list[Feed]:
    """The feeds that a table reads itself, or by tables of facts."""
    feeds: list[Feed] = []
    for read in table.sources:
        if isinstance(read.source, Feed):
            feeds.append(read.source)
        elif isinstance(read.source, Table) and not read.source.cut_off:
            feeds += _feeds(read.source)
    return feeds


def _days_that_see(read: LookBack, day: dt.date) -> DayRange:
    """The days whose look-back has a day of the source."""
    return DayRange(day - read.last * ONE, day - read.first * ONE)
