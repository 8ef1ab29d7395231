"""What a table can read, and the days of it that the table looks back on."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from headrace.declare.origin import STRICT, Declared


@dataclass(frozen=True, config=STRICT)
class Source(Declared):
    """The base of whatever a table can read: a ``Feed`` or a ``Table``."""

    name: str

    def days(self, first: int, last: int) -> LookBack:
        """This source, from ``first`` to ``last`` days after each day that is built (negative: before it)."""
        return LookBack(self, first, last)


@dataclass(frozen=True, config=STRICT)
class LookBack:
    """A source seen from the day that is built: its days from ``first`` to ``last`` after it (negative: before it)."""

    source: Source
    first: int = 0
    last: int = 0

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"({self.first}, {self.last}) ends before it begins: write ({self.last}, {self.first})")

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source.name
