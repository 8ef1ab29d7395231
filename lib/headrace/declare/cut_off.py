"""The cut-off of a table: corrections that land later do not change a day."""

from __future__ import annotations

import datetime as dt

from pydantic.dataclasses import dataclass

from headrace.declare.local_time import check_local_time, local_instant
from headrace.declare.origin import STRICT


@dataclass(frozen=True, config=STRICT)
class CutOff:
    """A time on or before each day of a table. A day sees only corrections that landed before it.

    Args:
        at: the local time.
        days_before: how many days before the day.
        zone: the time zone of ``at``.
    """

    at: str
    days_before: int = 0
    zone: str = "UTC"

    def __post_init__(self) -> None:
        check_local_time("the cut-off", self.at, self.zone)
        if self.days_before < 0:
            raise ValueError(f"days_before is {self.days_before}: a cut-off is on the day or before it")

    def on(self, day: dt.date) -> dt.datetime:
        """The cut-off of a day, in UTC."""
        return local_instant(day, -self.days_before, self.at, self.zone).astimezone(dt.UTC)
