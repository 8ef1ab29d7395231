"""The reasons why a day is refused, each in one sentence, and the error that lists refused days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from headrace.days import runs
from headrace.errors import BatchRefusedError

Refused = Mapping[dt.date, str]


def too_many_bad(what: str, rows: int, bad: int, max_share: float, reasons: Mapping[str, int]) -> str:
    """The reason if more than ``max_share`` (0 to 1) of the rows is bad, with the three most frequent reasons.

    Args:
        what: whose rows they are: a feed's or a table's name.
    """
    if not rows or bad / rows <= max_share:
        return ""
    return f"{bad:,} of {rows:,} rows of {what} are bad, more than {max_share:.1%}: {most_frequent(reasons)}"


def most_frequent(reasons: Mapping[str, int]) -> str:
    """The three most frequent reasons with their numbers of rows."""
    first = sorted(reasons.items(), key=lambda reason: (-reason[1], reason[0]))[:3]
    return "; ".join(f"{reason} ({count:,})" for reason, count in first)


def refusal(table: str, refused: Refused) -> BatchRefusedError:
    """The error that lists refused days. Days with the same reason are listed together."""
    days: dict[str, list[dt.date]] = {}
    for day in sorted(refused):
        days.setdefault(refused[day], []).append(day)
    listed = "; ".join(f"{reason}, on {_ranges(on)}" for reason, on in days.items())
    return BatchRefusedError(
        f"{table} is refused: {listed}",
        "These days were not published. Correct the input, the transform or the checks, then build them again",
    )


def _ranges(days: Iterable[dt.date]) -> str:
    return ", ".join(map(str, runs(days)))
