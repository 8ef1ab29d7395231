"""How a model sees a table's columns. An input's numbers (vocabulary, mean) are fitted on the training days."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from headrace.declare.origin import STRICT, Declared

NUMERIC = ("int", "bigint", "float", "double", "boolean")


@dataclass(frozen=True, config=STRICT)
class Input(Declared):
    """One column of the features table, as the network takes it. ``types`` are the column's types that it can be."""

    types: ClassVar[tuple[str, ...]]

    column: str


@dataclass(frozen=True, config=STRICT)
class Category(Input):
    """An integer id: 0 for an unknown value, then one id for each known value.

    A value is known if at least ``min_count`` training rows have it.
    """

    types = ("string", "int", "bigint", "boolean", "date")  # whose values have one exact text

    min_count: int = 20


@dataclass(frozen=True, config=STRICT)
class Number(Input):
    """Two floats: the z-score clipped to ``clip`` standard deviations (0 where missing), and 1.0 where missing."""

    types = NUMERIC

    clip: float = 5.0


@dataclass(frozen=True, config=STRICT)
class Cyclic(Input):
    """Three floats: sine and cosine of the position in a period (0 where missing), and 1.0 where missing."""

    types = NUMERIC

    period: float = 1.0


def category(*columns: str, min_count: int = 20) -> list[Category]:
    """Columns that the network looks up in an embedding."""
    return [Category(c, min_count) for c in columns]


def number(*columns: str, clip: float = 5.0) -> list[Number]:
    """Columns that the network takes as z-scores, each with a flag for missing values."""
    return [Number(c, clip) for c in columns]


def cyclic(*columns: str, period: float) -> list[Cyclic]:
    """Columns whose largest value is next to the smallest, such as the minute of a day."""
    return [Cyclic(c, period) for c in columns]
