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

    def on_column(self, day: str) -> str:
        """The cut-off of the day in a column, as a Spark SQL expression."""
        date, at = f"date_sub(`{day}`, {self.days_before})", dt.time.fromisoformat(self.at)
        seconds = at.second + at.microsecond / 1e6
        year, month, of_month = f"year({date})", f"month({date})", f"day({date})"
        return f"make_timestamp({year}, {month}, {of_month}, {at.hour}, {at.minute}, {seconds}, '{self.zone}')"
