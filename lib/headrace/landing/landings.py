"""The landed feeds as one stage sees them: each feed's deliveries are read once, and stay as they were found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from headrace.landing.entry import Record
from headrace.landing.log import Log
from headrace.landing.state import Day, Deliveries
from headrace.landing.visible import counting, visible
from headrace.storage import Place


class Landings:
    """The deliveries of all feeds below ``raw``."""

    def __init__(self, raw: Place) -> None:
        self._raw = raw
        self._deliveries: dict[str, Mapping[Day, Deliveries]] = {}

    def record(self, feed: str, day: Day, cut_off: dt.datetime | None = None) -> Record | None:
        """The delivery of a day of a feed that counts as of an instant; a reference feed has one, under None.

        Without an instant, the delivery that stands now. None if the day has not landed.
        """
        return visible(self._of(feed).get(day, ()), cut_off)

    def corrected(self, feed: str) -> dict[Day, Deliveries]:
        """The days that have corrections, each with its first delivery and the corrections in their order."""
        found = {day: counting(deliveries) for day, deliveries in self._of(feed).items()}
        return {day: deliveries for day, deliveries in found.items() if len(deliveries) > 1}

    def refresh(self, feed: str) -> None:
        """Read the feed's deliveries again."""
        self._deliveries[feed] = Log(self._raw, feed).read().state.deliveries

    def _of(self, feed: str) -> Mapping[Day, Deliveries]:
        if feed not in self._deliveries:
            self.refresh(feed)
        return self._deliveries[feed]
