"""A table: what it reads, how its rows are made, and the contract that they keep. A label on its rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from headrace.days import ONE, DayRange, runs
from headrace.declare.check import Check
from headrace.declare.cut_off import CutOff
from headrace.declare.depends import File, Package, Version
from headrace.declare.feed import Feed
from headrace.declare.lookback import LookBack, Source
from headrace.declare.origin import STRICT, Declared


def _readable(reads: Any) -> Any:
    """Refuse what a table cannot read, in better words than pydantic's."""
    for source in reads if isinstance(reads, list) else []:
        if not isinstance(source, Source | LookBack):
            raise ValueError(f"{source!r} is neither a feed nor a table")
    return reads


@dataclass(frozen=True, config=STRICT)
class Table(Source):
    """A Delta table that holds, for each day, the rows that ``by`` makes from what the table reads.

    Args:
        name: ``schema.table``.
        reads: feeds and tables. A bare source is read on the day that is built; ``source.days(first, last)`` is read
            on a range of days around it.
        by: ``module:function`` in the use case. It takes one DataFrame for each entry of ``reads``, in order, and
            returns one. It is imported inside the job.
        columns: the contract, a YAML file beside the declaration.
        day: the column with the business day; the table is partitioned by it. Its contract says ``date not null``.
        key: the columns that identify a row, among them the day; none of them may be null.
        known_at: the column with the instant at which the row could be known, ``timestamp not null``.
        checks: what must hold before rows are published.
        one_row_per: a source; each of its good rows gives one row of the same day. A day with more or fewer rows is
            refused.
        new_columns: whether a column that the contract does not have is refused, or added to the table.
        depends_on: other inputs that decide the rows, where Headrace does not find them in the code. Each is a
            ``File``, the code of a ``Package``, or the ``Version`` of a distribution.
        each_day: build each day on its own, which is slow. It is for a transform whose rows depend on the range of
            days that it is called for. Without it a build compares ranges with days built alone, once for new code.
        known_earlier: the columns that are known before the row is: the column with the instant, and the columns that
            are known by then. For example ``{"left_at": ["left_at", "driver"]}`` in a table of journeys that is known
            at their ends. ``headrace verify`` needs it; a build does not.
        cut_off: a time on or before each day: the day sees only corrections that landed before it. Without a cut-off
            the table holds facts, and shows every correction.
    """

    reads: Annotated[list[Source | LookBack], BeforeValidator(_readable)]
    by: str
    columns: str
    day: str
    key: list[str]
    known_at: str = "known_at"
    checks: list[Check] = Field(default_factory=list)
    one_row_per: Source | None = None
    new_columns: Literal["refuse", "allow"] = "refuse"
    depends_on: list[File | Package | Version] = Field(default_factory=list)
    each_day: bool = False
    known_earlier: dict[str, list[str]] = Field(default_factory=dict)
    cut_off: CutOff | None = None

    def __post_init__(self) -> None:
        """Check that no source shows what is later than the cut-off, and that ``one_row_per`` counts day by day."""
        self._check_cut_off()
        if self.one_row_per is None:
            return
        name = self.one_row_per.name
        if isinstance(self.one_row_per, Feed) and not self.one_row_per.daily:
            raise ValueError(f"one_row_per is {name!r}, a reference feed, which has no rows of a day")
        if not any(source.name == name and source.first <= 0 <= source.last for source in self.sources):
            raise ValueError(f"one_row_per is {name!r}, which the table does not read on the day that is built")

    @property
    def sources(self) -> list[LookBack]:
        """What the table reads, each source with its days."""
        return [r if isinstance(r, LookBack) else LookBack(r) for r in self.reads]

    def ranges(self, days: Iterable[dt.date]) -> list[DayRange]:
        """The ranges for which the transform is called to make these days (sorted)."""
        return [DayRange(day, day) for day in days] if self.each_day else runs(days)

    def cut_off_on(self, day: dt.date) -> dt.datetime | None:
        """The instant (UTC) after which corrections do not change the day; None for a table of facts."""
        return self.cut_off.on(day) if self.cut_off else None

    def _check_cut_off(self) -> None:
        if self.cut_off is None:
            return
        for name, cut_off, last in _cut_offs(self):
            late = [day for day in _A_YEAR if cut_off.on(day + last * ONE) > self.cut_off.on(day)]
            if late:
                raise ValueError(
                    f"{self.name} on {late[0]} would see corrections that land after its cut-off, because it reads "
                    f"{name} on {late[0] + last * ONE}, whose cut-off is later"
                )

    def label(self, condition: str) -> Label:
        """What a model predicts: whether ``condition`` holds for this table's row with the same key."""
        return Label(self, condition)


_A_YEAR = [dt.date(2024, 1, 1) + n * ONE for n in range(366)]  # time zones change their clocks on different days


def _cut_offs(table: Table, ahead: int = 0) -> Iterator[tuple[str, CutOff, int]]:
    """The tables with a cut-off that a table reads itself or by tables of facts, and the last day that it reads."""
    for read in table.sources:
        source, last = read.source, ahead + read.last
        if isinstance(source, Table) and source.cut_off:
            yield source.name, source.cut_off, last
        elif isinstance(source, Table):
            yield from _cut_offs(source, last)


@dataclass(frozen=True, config=STRICT)
class Label(Declared):
    """What a model predicts: whether ``condition`` (Spark SQL) holds for the row of ``table`` with the same key.

    A row for which the condition is null has no label.
    """

    table: Table
    condition: str
