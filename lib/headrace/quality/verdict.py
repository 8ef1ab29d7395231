"""Which days of a range are refused and why, and the error that lists them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.days import DayRange, runs
from headrace.errors import BatchRefusedError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SHOWN = 3  # reasons that one sentence lists


@dataclass(frozen=True)
class Verdict:
    """The days of a range, and why some of them are refused.

    Args:
        day: the column with the day.
        refused: the refused days, each with the reason in one sentence.
    """

    day: str
    days: DayRange
    refused: dict[dt.date, str] = field(default_factory=dict)

    @property
    def accepted(self) -> list[dt.date]:
        """The days that are not refused."""
        return [day for day in self.days if day not in self.refused]

    def refuse(self, found: Mapping[dt.date, str]) -> None:
        """Refuse days, each with a reason. A day that is refused already keeps its first reason."""
        for day, reason in found.items():
            self.refused.setdefault(day, reason)

    def accepted_rows(self, frame: DataFrame) -> DataFrame:
        """The rows of accepted days; all rows of ``frame`` lie on days of the range."""
        from pyspark.sql import functions as F

        return frame.filter(~F.col(self.day).isin(list(self.refused))) if self.refused else frame


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
    first = sorted(reasons.items(), key=lambda reason: (-reason[1], reason[0]))[:SHOWN]
    return "; ".join(f"{reason} ({count:,})" for reason, count in first)


def refusal(table: str, refused: Mapping[dt.date, str]) -> BatchRefusedError:
    """The error that lists refused days. Days with the same reason are listed together."""
    days: dict[str, list[dt.date]] = {}
    for day in sorted(refused):
        days.setdefault(refused[day], []).append(day)
    shown = [f"{reason}, on {_ranges(on)}" for reason, on in days.items()]
    more = [f"and {len(shown) - SHOWN} other reasons"] if len(shown) > SHOWN else []
    listed = "; ".join([*shown[:SHOWN], *more])
    return BatchRefusedError(
        f"{table} is refused: {listed}",
        "These days were not published. Correct the input, the transform or the checks, then build them again",
    )


def _ranges(days: Iterable[dt.date]) -> str:
    return ", ".join(map(str, runs(days)))
