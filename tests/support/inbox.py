"""An inbox and a raw area of one feed, on a disk or in S3."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from headrace import storage
from headrace.days import DayRange
from headrace.declare import Contract, Feed
from headrace.landing.entry import Restatement
from headrace.landing.land import Landing, land
from headrace.landing.record import Record, folder, read_record
from headrace.landing.state import State
from headrace.landing.withdraw import withdraw
from headrace.storage import Place

Clock = Callable[[], dt.datetime]
CONTRACT = Contract(columns={"origin": "string not null", "temp": "double"})
WEATHER = Feed("weather", "weather/{day}/*", "weather.yaml", since=dt.date(2013, 1, 1), wait_until="04:00")
STATIONS = Feed("stations", "stations/*.csv", "weather.yaml")
DAY = dt.date(2013, 1, 2)
LATER = dt.datetime(2013, 2, 1, tzinfo=dt.UTC)
ROWS = b"origin,temp\nEWR,39.0\nJFK,NA\n"


class Inbox:
    """An inbox and a raw area of one feed."""

    def __init__(self, folder: Place, feed: Feed = WEATHER) -> None:
        self.inbox, self.raw, self.feed = folder / "inbox", folder / "raw", feed

    def deliver(self, content: bytes, name: str = "w.csv", day: dt.date | None = DAY) -> Place:
        path = self.inbox / self.feed.name / (str(day) if day else "") / name
        storage.write(path, content)
        return path

    def land(
        self,
        days: str = str(DAY),
        now: dt.datetime | Clock = LATER,
        *,
        again: bool = False,
        replace: bool = False,
        restate: str = "",
    ) -> Landing:
        """Land some days, as if it were ``now``; a clock can tell another time each time that it is read."""
        restated = Restatement(by="ann", reason=restate) if restate else None
        found = DayRange.parse(days)
        clock = now if callable(now) else lambda: now
        how: Any = {"clock": clock, "again": again, "replace": replace, "restated": restated}
        return land(self.feed, CONTRACT, found, self.inbox, self.raw, **how)

    def withdraw(self, *days: dt.date | None, reason: str = "in Fahrenheit") -> State:
        return withdraw(self.raw, self.feed.name, days or [DAY], reason=reason, now=LATER)

    def record(self, day: dt.date | None = DAY) -> Record | None:
        return read_record(self.raw, self.feed.name, day)

    def landed(self, day: dt.date | None = DAY) -> dict[str, bytes]:
        """The content of the files that count for the day, by the name that they were delivered under."""
        record, files = self.record(day), folder(self.raw, self.feed.name, day)
        return {f.name: (files / f.stored).read_bytes() for f in record.files} if record else {}

    def entries(self) -> list[Place]:
        """The files of the landing log's entries."""
        return [file for file in storage.files_after(self.log, "") if file.stem.isdigit()]

    @property
    def log(self) -> Place:
        return self.raw / self.feed.name / "_landings"

    @property
    def index(self) -> Place:
        return self.log / "index.json"
