"""Encode the columns of a table as the two arrays that a network takes.

Vocabularies, means and deviations are fitted once on the training days, and kept with the model as JSON. A large
vocabulary is a file beside the JSON, which has its digest. Training and scoring run the same code with the same values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import pyarrow as pa
from pydantic import Field, PrivateAttr, ValidationError

from headrace.declare.inputs import Category, Cyclic, Input, Number
from headrace.encoding.fitted import FittedCategory, FittedCategoryFile, FittedCyclic, FittedNumber, Floats, Ids
from headrace.errors import ArtefactError, ContractError
from headrace.frozen import FrozenModel
from headrace.storage import Place

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Fitted = FittedCategory | FittedCategoryFile | FittedNumber | FittedCyclic


class Encoded(NamedTuple):
    """``n`` rows as a network takes them: categories as ``ids`` int32 [n, k], numbers as ``dense`` float32 [n, d]."""

    ids: Ids
    dense: Floats


class Encoder(FrozenModel):
    """How each input column is encoded, in the order of the declaration."""

    inputs: tuple[Annotated[Fitted, Field(discriminator="kind")], ...]
    _folder: Place | None = PrivateAttr(None)  # not in the JSON, because a version's folder is a copy of another one

    @classmethod
    def fit(cls, frame: DataFrame, inputs: Sequence[Input], folder: Place) -> Encoder:
        """Fit to a frame. Spark reads the frame twice: once for the numbers, once for the categories.

        Args:
            frame: the rows of the training days.
            inputs: the model's declared inputs.
            folder: takes the files of large vocabularies. Every executor must see it.

        Raises:
            ContractError: the frame lacks a column, or a category has a floating-point or timestamp type.
        """
        from headrace.encoding.statistics import moments
        from headrace.encoding.words import vocabularies

        _require([i.column for i in inputs], frame.columns)
        known = vocabularies(frame, {i.column: i.min_count for i in inputs if isinstance(i, Category)}, folder)
        spread = moments(frame, [i.column for i in inputs if isinstance(i, Number)])

        def fitted(declared: Input) -> Fitted:
            match declared:
                case Category(column=column):
                    return known[column]
                case Number(column=column, clip=clip):
                    mean, std = spread[column]
                    return FittedNumber(column=column, mean=mean, std=std, clip=clip)
                case Cyclic(column=column, period=period):
                    return FittedCyclic(column=column, period=period)
            raise TypeError(f"no encoding for {declared!r}")

        return cls(inputs=tuple(fitted(declared) for declared in inputs)).in_folder(folder)

    def in_folder(self, folder: Place | None) -> Encoder:
        """The same encoder, whose files are in another folder."""
        moved = self.model_copy()
        moved._folder = folder
        return moved

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """Encode the rows of a batch. Further columns of the batch are ignored.

        Raises:
            ContractError: the batch lacks a column.
            ArtefactError: the file of a vocabulary is missing, or it was changed.
        """
        _require(self.columns, batch.schema.names)
        ids = np.empty((len(self._categories), batch.num_rows), np.int32)
        for row, category in enumerate(self._categories):
            ids[row] = self._ids(category, batch.column(category.column))
        # Each column fills a contiguous row, which stays in the processor's cache. One transposition ends it.
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
        return [fitted.column for fitted in self.inputs]

    @property
    def vocabulary_sizes(self) -> list[int]:
        """The number of ids of each column of ``ids``, including 0."""
        return [category.size + 1 for category in self._categories]

    @property
    def files(self) -> list[Place]:
        """The files of large vocabularies. A copy of the encoder needs them beside its JSON."""
        files = [category.file for category in self._categories if isinstance(category, FittedCategoryFile)]
        return [self._folder / file for file in files] if self._folder else []

    @property
    def width(self) -> int:
        """The number of columns of ``dense``."""
        return len(self.dense_names)

    @property
    def dense_names(self) -> list[str]:
        """The name of each column of ``dense``."""
        return [name for scaled in self._scaled for name in scaled.names]

    @property
    def id_columns(self) -> dict[str, list[int]]:
        """The column of ``ids`` that each category has."""
        return {category.column: [at] for at, category in enumerate(self._categories)}

    @property
    def dense_columns(self) -> dict[str, list[int]]:
        """The columns of ``dense`` that each number has."""
        found: dict[str, list[int]] = {}
        for at, column in enumerate(scaled.column for scaled in self._scaled for _ in scaled.names):
            found.setdefault(column, []).append(at)
        return found

    @property
    def digest(self) -> str:
        """SHA-256 of the JSON, in hex. It covers the files as well, because the JSON has their digests."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """The encoder as text; `from_json` reads it."""
        return self.model_dump_json(indent=1)

    @classmethod
    def from_json(cls, text: str, folder: Place | None = None) -> Encoder:
        """Read an encoder from the text of `to_json`. ``folder`` has the files of its large vocabularies.

        Raises:
            ArtefactError: the text is not an encoder.
        """
        try:
            return cls.model_validate_json(text).in_folder(folder)
        except ValidationError as wrong:
            first = wrong.errors()[0]
            raise ArtefactError(
                f"not an encoder: {'.'.join(map(str, first['loc']))}: {first['msg']}", "Train the model again"
            ) from None

    def _ids(self, category: FittedCategory | FittedCategoryFile, column: pa.Array) -> Ids:
        if isinstance(category, FittedCategory):
            return category.ids(column)
        if self._folder is None:
            raise ArtefactError(f"the encoder was read without the folder of {category.file}", "Pass the folder")
        return category.ids(column, self._folder)

    @property
    def _categories(self) -> list[FittedCategory | FittedCategoryFile]:
        return [fitted for fitted in self.inputs if isinstance(fitted, FittedCategory | FittedCategoryFile)]

    @property
    def _scaled(self) -> list[FittedNumber | FittedCyclic]:
        return [fitted for fitted in self.inputs if isinstance(fitted, FittedNumber | FittedCyclic)]


def _require(wanted: Sequence[str], present: Sequence[str]) -> None:
    missing = sorted(set(wanted) - set(present))
    if missing:
        raise ContractError(
            f"the rows to encode lack the column {', '.join(missing)}", "Build the features table again"
        )
