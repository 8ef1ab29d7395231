"""Count what was landed, typed and rejected of each source, and judge each source by its own counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.days import ONE, DayRange
from headrace.declare import LookBack
from headrace.frozen import FrozenModel
from headrace.landing.frame import DELIVERED_FOR, RAW, REASONS
from headrace.quality.counts import Reasons, count_by_day, reasons_by_day
from headrace.quality.verdict import too_many_bad
from headrace.stages.sources import Input

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class RowCount(FrozenModel):
    """Rows of a source, as its landing records or publications say, and the good and the rejected ones among them.

    Of files that landed by reference, ``recorded`` is the number of rows that were read.
    """

    recorded: int
    good: int
    rejected: int

    @classmethod
    def sum(cls, counts: Iterable[RowCount]) -> RowCount:
        """The rows of all ``counts`` together."""
        counts = list(counts)
        return cls(**{kind: sum(getattr(count, kind) for count in counts) for kind in cls.model_fields})


@dataclass(frozen=True)
class SourceCount:
    """The rows of one source by the day that is built. A reference feed has no day, and its rows are under None.

    ``offset`` is the number of days from the day that is built to the source's. ``reasons`` says why rows were
    rejected. ``rejected`` has the day, the reasons and the text of these rows; None if there are none.
    """

    read: Input
    offset: int
    by_day: Mapping[dt.date | None, RowCount]
    reasons: Mapping[dt.date | None, Reasons] = field(default_factory=dict)
    rejected: DataFrame | None = None

    @property
    def name(self) -> str:
        return self.read.source.name

    def on(self, day: dt.date) -> RowCount:
        """The rows for one day."""
        return self.by_day.get(day, RowCount.sum([]))

    @property
    def total(self) -> RowCount:
        return RowCount.sum(self.by_day.values())

    def refused(self, days: DayRange, max_share: float) -> dict[dt.date, str]:
        """The days that this source refuses, each with the reason. A reference feed refuses all days, or none."""
        found = {day: self._reason(day, count, max_share) for day, count in self.by_day.items()}
        if reference := found.pop(None, ""):
            return dict.fromkeys(days, reference)
        return {day: reason for day, reason in found.items() if day is not None and reason}

    def _reason(self, day: dt.date | None, count: RowCount, max_share: float) -> str:
        rows = count.good + count.rejected
        if rows != count.recorded:
            file = self.read.files.get(_shifted(day, self.offset), "the landed files")
            return f"{file} landed with {count.recorded:,} rows, and {rows:,} were read"
        return too_many_bad(self.name, count.recorded, count.rejected, max_share, self.reasons.get(day, {}))


def count_sources(inputs: Iterable[Input], days: DayRange) -> list[SourceCount]:
    """Count each source once, even if the table reads it on several ranges of days."""
    nearest: dict[str, Input] = {}
    for read in inputs:
        other = nearest.get(read.source.name)
        if other is None or abs(_offset(read.source)) < abs(_offset(other.source)):
            nearest[read.source.name] = read
    return [_count(read, days) for read in nearest.values()]


def _offset(source: LookBack) -> int:
    """From the day that is built to the nearest day of the source that is read for it, which is judged with it."""
    return min(max(0, source.first), source.last)


def _count(read: Input, days: DayRange) -> SourceCount:
    from pyspark.sql import functions as F

    offset = _offset(read.source)
    recorded = {_shifted(day, -offset): rows for day, rows in read.recorded.items()}
    recorded = {day: rows for day, rows in recorded.items() if day is None or day in days}
    if read.marked is None:
        return SourceCount(read, offset, {day: _all_good(rows or 0) for day, rows in recorded.items()})
    day = F.date_sub(DELIVERED_FOR, offset)  # null for a reference feed
    is_reference = F.lit(None in read.recorded)
    marked = read.marked.filter(is_reference | day.between(F.lit(days.first), F.lit(days.last)))
    is_bad = F.size(REASONS) > 0
    counted = count_by_day(marked, day, rejected=is_bad)
    by_day = {}
    for on in {**recorded, **counted}:
        rows, bad = (counted[on].rows, counted[on].having["rejected"]) if on in counted else (0, 0)
        landed = recorded.get(on, 0)
        by_day[on] = RowCount(recorded=rows if landed is None else landed, good=rows - bad, rejected=bad)
    if not any(count.rejected for count in by_day.values()):
        return SourceCount(read, offset, by_day)
    rejected = marked.filter(is_bad).select(day.alias(DELIVERED_FOR), REASONS, RAW)
    return SourceCount(read, offset, by_day, reasons_by_day(rejected, F.col(DELIVERED_FOR), REASONS), rejected)


def _shifted(day: dt.date | None, days: int) -> dt.date | None:
    return day + days * ONE if day is not None else None


def _all_good(rows: int) -> RowCount:
    """What a table has: its publications count good rows only."""
    return RowCount(recorded=rows, good=rows, rejected=0)
