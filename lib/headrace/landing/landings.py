"""The landed feeds as one stage sees them: each feed's records are read once, and stay as they were found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from headrace.landing.record import Record, landed
from headrace.storage import Place


class Landings:
    """The landing records of all feeds below ``raw``."""

    def __init__(self, raw: Place) -> None:
        self._raw = raw
        self._records: dict[str, Mapping[dt.date | None, Record]] = {}

    def records(self, feed: str) -> Mapping[dt.date | None, Record]:
        """The standing record of each day of a feed; a reference feed has one, under None."""
        if feed not in self._records:
            self.refresh(feed)
        return self._records[feed]

    def refresh(self, feed: str) -> None:
        """Read the feed's records again."""
        self._records[feed] = landed(self._raw, feed)
