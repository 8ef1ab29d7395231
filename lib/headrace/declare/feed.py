"""A feed: files that somebody delivers, either one folder a day or one set that is replaced now and then."""

from __future__ import annotations

import datetime as dt
from dataclasses import field
from typing import Literal

from pydantic.dataclasses import dataclass

from headrace.declare.formats import Csv, csv
from headrace.declare.local_time import check_local_time, local_instant
from headrace.declare.lookback import Source
from headrace.declare.origin import STRICT


@dataclass(frozen=True, config=STRICT)
class Feed(Source):
    """Files that somebody delivers.

    Args:
        name: the feed's name in tables that read it, in the raw area and on the command line.
        pattern: a glob below the inbox; ``{day}`` stands for the day as 2026-01-31. A pattern without it makes the
            feed a reference: one set of files for all days. A newer set replaces the older.
        columns: the contract of its files, a YAML file beside the declaration.
        since: the first day that the feed has.
        day: a Spark SQL expression over the contract's columns. A row is quarantined unless the expression equals the
            day that its file was delivered for. Empty: rows are not checked.
        format: how the text of its files is written; see ``headrace.declare.csv``.
        empty: what happens to a file without rows, which may lack a header too: ``refuse``, or ``allow`` as a day that
            truly has none.
        known_at: a Spark SQL expression over the contract's columns: the instant at which a row could be known.
            ``headrace verify`` needs it; a feed without it is left as it is there.
        wait_until: the local time until which a missing day may still arrive, ``after_days`` days after the day.
        after_days: see ``wait_until``.
        zone: the time zone of ``wait_until``.
        if_missing: what happens to a day without files after that: ``fail``, or ``continue`` with no rows.
        new_columns: whether columns that the contract does not have are refused, or accepted and left out.
    """

    pattern: str
    columns: str
    since: dt.date | None = None
    day: str = ""
    wait_until: str = "06:00"
    after_days: int = 0
    zone: str = "UTC"
    if_missing: Literal["fail", "continue"] = "fail"
    new_columns: Literal["refuse", "allow"] = "refuse"
    known_at: str = ""
    format: Csv = field(default_factory=csv)
    empty: Literal["refuse", "allow"] = "refuse"

    def __post_init__(self) -> None:
        """Check the values that are otherwise first used when a file is missing at night."""
        try:
            self.pattern.format(day="")
        except (LookupError, ValueError):
            raise ValueError(f"pattern {self.pattern!r} may have {{day}} in braces, and nothing else") from None
        check_local_time("wait_until", self.wait_until, self.zone)

    @property
    def daily(self) -> bool:
        """Whether each day has its own files; otherwise the feed is a reference."""
        return "{day}" in self.pattern

    def due(self, day: dt.date) -> dt.datetime:
        """The instant after which a missing day is late."""
        return local_instant(day, self.after_days, self.wait_until, self.zone)
