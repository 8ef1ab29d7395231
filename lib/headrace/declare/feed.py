"""A feed: files that somebody delivers, one folder a day, or one set that is replaced now and then."""

from __future__ import annotations

import datetime as dt
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic.dataclasses import dataclass

from headrace.declare.origin import STRICT, Declared
from headrace.declare.table import LookBack
from headrace.yamlfile import nearest


@dataclass(frozen=True, config=STRICT)
class Feed(Declared):
    """Files that somebody delivers.

    Args:
        name: what tables that read it call it.
        pattern: a glob below the inbox; ``{day}`` stands for the day as 2013-12-01. Without it the feed is a
            reference: one set of files for all days, and a newer set replaces the older.
        columns: the contract of its files, a YAML file beside the declaration.
        since: the first day that the feed has.
        wait_until: the local time, ``after_days`` days after the day itself, until which a missing day may yet come.
        day: a Spark SQL expression over the contract's columns; a row for which it is not the day that the file was
            delivered for is set aside. Empty: rows are not asked.
        zone: the time zone of ``wait_until``.
        if_missing: what a day without files does after that: ``fail``, or ``continue`` with no rows.
        new_columns: whether columns that the contract does not have are refused, or left out.
    """

    name: str
    pattern: str
    columns: str
    since: dt.date | None = None
    day: str = ""
    wait_until: str = "06:00"
    after_days: int = 0
    zone: str = "UTC"
    if_missing: Literal["fail", "continue"] = "fail"
    new_columns: Literal["refuse", "allow"] = "refuse"

    def __post_init__(self) -> None:
        """What is first needed when a file is missing at night is tried now."""
        try:
            self.pattern.format(day="")
        except (LookupError, ValueError):
            raise ValueError(f"pattern {self.pattern!r} may have {{day}} in braces, and nothing else") from None
        try:
            dt.time.fromisoformat(self.wait_until)
        except ValueError:
            raise ValueError(f"wait_until {self.wait_until!r} is no time: write it as 06:00") from None
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            hint = nearest(self.zone, available_timezones())
            raise ValueError(f"no time zone is called {self.zone!r}. {hint}") from None

    @property
    def daily(self) -> bool:
        return "{day}" in self.pattern

    def days(self, first: int, last: int) -> LookBack:
        """This feed from ``first`` to ``last`` days after each day that is built."""
        return LookBack(self, first, last)

    def due(self, day: dt.date) -> dt.datetime:
        """The instant after which a missing day is no longer waited for."""
        at = dt.time.fromisoformat(self.wait_until)
        return dt.datetime.combine(day + dt.timedelta(days=self.after_days), at, ZoneInfo(self.zone))
