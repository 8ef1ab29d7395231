"""Local times of a declaration: a time of day, so many days away from a day, in a time zone."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from headrace.hints import nearest


def check_local_time(field: str, time: str, zone: str) -> None:
    """Check the values of a declaration that are otherwise first used in a job at night.

    Raises:
        ValueError: ``field`` has a text that is not a time, or no time zone has this name.
    """
    try:
        offset = dt.time.fromisoformat(time).tzinfo
    except ValueError:
        raise ValueError(f"{field} {time!r} is not a time: write it as 06:00") from None
    if offset:
        raise ValueError(f"{field} {time!r} has an offset from UTC: write it as 06:00, and name the time zone")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        hint = nearest(zone, available_timezones())
        raise ValueError(f"no time zone is called {zone!r}. {hint}") from None


def local_instant(day: dt.date, days: int, time: str, zone: str) -> dt.datetime:
    """The instant at which clocks in ``zone`` show ``time``, ``days`` days after ``day`` (negative: before it)."""
    return dt.datetime.combine(day + dt.timedelta(days=days), dt.time.fromisoformat(time), ZoneInfo(zone))
