"""A table: what it reads, how it is made, and the contract that its rows keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from headrace.declare.check import Check
from headrace.declare.origin import STRICT, Declared

if TYPE_CHECKING:
    from headrace.declare.model import Label


@dataclass(frozen=True, config=STRICT)
class LookBack:
    """A source seen from a day: the days from ``first`` to ``last`` after it (negative: before it)."""

    source: Any  # a Feed or a Table; those modules import this one
    first: int = 0
    last: int = 0

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"({self.first}, {self.last}) ends before it begins: write ({self.last}, {self.first})")

    @property
    def name(self) -> str:
        return str(self.source.name)


@dataclass(frozen=True, config=STRICT)
class Table(Declared):
    """A Delta table that holds, for each day, the rows that ``by`` makes of what the table reads.

    Args:
        name: ``schema.table``.
        reads: feeds and tables, as they are (the same day) or as ``source.days(first, last)``.
        by: ``module:function`` in the use case; it takes one DataFrame for each entry of ``reads``, in order, and
            returns one. It is resolved inside the job.
        columns: the contract, a YAML file beside the declaration.
        day: the column with the business day; the table is partitioned by it.
        key: the columns that tell one row from another.
        known_at: the column with the instant at which the row could be known.
        checks: what must hold before rows are published.
        new_columns: whether a column that the contract does not have is refused, or added to the table.
    """

    name: str
    reads: list[object]
    by: str
    columns: str
    day: str
    key: list[str]
    known_at: str = "known_at"
    checks: list[Check] = Field(default_factory=list)
    new_columns: Literal["refuse", "allow"] = "refuse"

    @property
    def sources(self) -> list[LookBack]:
        """What the table reads, each with its days."""
        return [r if isinstance(r, LookBack) else LookBack(r) for r in self.reads]

    def days(self, first: int, last: int) -> LookBack:
        """This table from ``first`` to ``last`` days after each day that is built."""
        return LookBack(self, first, last)

    def label(self, condition: str) -> Label:
        """What a model learns to foretell: whether ``condition`` holds for this table's row of the same key."""
        from headrace.declare.model import Label

        return Label(self, condition)
