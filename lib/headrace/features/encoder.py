"""Columns of a table into the two arrays that a network takes.

What the encoding needs to know (vocabularies, means) is fitted once, on the training days, and travels with the model
as JSON: training and scoring run the same code on the same figures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headrace.declare.inputs import Category, Cyclic, Input, Number
from headrace.errors import ArtefactError, ContractError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Ids = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


class Encoded(NamedTuple):
    """``n`` rows as a network takes them: ``ids`` int32 [n, k] and ``dense`` float32 [n, d]."""

    ids: Ids
    dense: Floats


class _Fitted(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str


class FittedCategory(_Fitted):
    """The known values, as text and sorted; the id of the n-th is n + 1, of any other value or none 0."""

    kind: Literal["category"] = "category"
    vocabulary: tuple[str, ...]

    @cached_property
    def _values(self) -> pa.Array:
        return pa.array(self.vocabulary, pa.string())

    def ids(self, column: pa.Array) -> Ids:
        """int32 [n]"""
        found = pc.fill_null(pc.index_in(column.cast(pa.string()), value_set=self._values), -1)
        ids: Ids = found.to_numpy(zero_copy_only=False) + np.int32(1)
        return ids


class FittedNumber(_Fitted):
    """``mean`` and ``std`` of the training days, ``clip`` in standard deviations."""

    kind: Literal["number"] = "number"
    mean: float
    std: float = Field(gt=0)
    clip: float

    @property
    def names(self) -> list[str]:
        return [self.column, f"{self.column}_missing"]

    def dense(self, column: pa.Array, out: Floats) -> None:
        """Fill ``out``, float32 [2, n]: the clipped z-score, and whether the value is missing."""
        values, missing = _floats(column)
        values -= self.mean
        values *= 1 / self.std
        np.clip(values, -self.clip, self.clip, out=values)
        values[missing] = 0
        out[0], out[1] = values, missing


class FittedCyclic(_Fitted):
    """Nothing is fitted: the period is declared."""

    kind: Literal["cyclic"] = "cyclic"
    period: float = Field(gt=0)

    @property
    def names(self) -> list[str]:
        return [f"{self.column}_sin", f"{self.column}_cos", f"{self.column}_missing"]

    def dense(self, column: pa.Array, out: Floats) -> None:
        """Fill ``out``, float32 [3, n]: sine, cosine, and whether the value is missing."""
        values, missing = _floats(column)
        values *= 2 * np.pi / self.period
        values[missing] = 0
        out[0], out[1], out[2] = np.sin(values), np.cos(values), missing
        out[1][missing] = 0


class Encoder(BaseModel):
    """How each input column is encoded, in the order of the declaration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: tuple[Annotated[FittedCategory | FittedNumber | FittedCyclic, Field(discriminator="kind")], ...]

    @classmethod
    def fit(cls, frame: DataFrame, inputs: Sequence[Input]) -> Encoder:
        """Fit to a frame, in two passes over it: one for the numbers, one for the categories.

        Raises:
            ContractError: the frame lacks a column, or a category has a type whose text is not exact.
        """
        from headrace.features.statistics import moments, vocabularies

        _require([i.column for i in inputs], frame.columns)
        words = vocabularies(frame, {i.column: i.min_count for i in inputs if isinstance(i, Category)})
        spread = moments(frame, [i.column for i in inputs if isinstance(i, Number)])

        def fitted(one: Input) -> FittedCategory | FittedNumber | FittedCyclic:
            match one:
                case Category(column=column):
                    return FittedCategory(column=column, vocabulary=words[column])
                case Number(column=column, clip=clip):
                    mean, std = spread[column]
                    return FittedNumber(column=column, mean=mean, std=std, clip=clip)
                case Cyclic(column=column, period=period):
                    return FittedCyclic(column=column, period=period)
            raise TypeError(f"no encoding for {one!r}")

        return cls(inputs=tuple(fitted(one) for one in inputs))

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """Encode the rows of a batch; it may have other columns too.

        Raises:
            ContractError: the batch lacks a column.
        """
        _require(self.columns, batch.schema.names)
        ids = np.empty((len(self._categories), batch.num_rows), np.int32)
        for row, one in enumerate(self._categories):
            ids[row] = one.ids(batch.column(one.column))
        # Column by column into contiguous rows, and one transposition at the end, keeps each pass in the cache.
        dense = np.empty((self.width, batch.num_rows), np.float32)
        at = 0
        for scaled in self._scaled:
            size = len(scaled.names)
            scaled.dense(batch.column(scaled.column), dense[at : at + size])
            at += size
        return Encoded(np.ascontiguousarray(ids.T), np.ascontiguousarray(dense.T))

    @property
    def columns(self) -> list[str]:
        """The columns that a batch must have."""
        return [one.column for one in self.inputs]

    @property
    def vocabulary_sizes(self) -> list[int]:
        """How many ids each column of ``ids`` has, 0 included."""
        return [len(one.vocabulary) + 1 for one in self._categories]

    @property
    def width(self) -> int:
        """Columns of ``dense``."""
        return len(self.dense_names)

    @property
    def dense_names(self) -> list[str]:
        """What each column of ``dense`` is."""
        return [name for one in self._scaled for name in one.names]

    @property
    def digest(self) -> str:
        """SHA-256 of the JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        return self.model_dump_json(indent=1)

    @classmethod
    def from_json(cls, text: str) -> Encoder:
        """Raises ArtefactError where the text is not an encoder's."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as wrong:
            first = wrong.errors()[0]
            raise ArtefactError(
                f"not an encoder: {'.'.join(map(str, first['loc']))}: {first['msg']}", "Train the model again"
            ) from None

    @property
    def _categories(self) -> list[FittedCategory]:
        return [one for one in self.inputs if isinstance(one, FittedCategory)]

    @property
    def _scaled(self) -> list[FittedNumber | FittedCyclic]:
        return [one for one in self.inputs if not isinstance(one, FittedCategory)]


def _floats(column: pa.Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """A column as float64 [n] of its own, and where it is null, NaN or infinite."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    values = np.array(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
    return values, ~np.isfinite(values)


def _require(wanted: Sequence[str], there: Sequence[str]) -> None:
    missing = sorted(set(wanted) - set(there))
    if missing:
        raise ContractError(f"no column {', '.join(missing)} to encode", "Build the features table again")
