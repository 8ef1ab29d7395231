"""One fitted input column: what it was fitted to, and how its values become ids or numbers."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from headrace.encoding import vocabulary
from headrace.encoding.vocabulary import Ids
from headrace.frozen import FrozenModel
from headrace.storage import Place

__all__ = ["FittedCategory", "FittedCategoryFile", "FittedCyclic", "FittedNumber", "Floats", "Ids"]

Floats = npt.NDArray[np.float32]


class _Fitted(FrozenModel):
    column: str


class FittedCategory(_Fitted):
    """The known values as sorted text. The n-th (from 0) has the id n + 1; unknown values and nulls have the id 0."""

    kind: Literal["category"] = "category"
    vocabulary: tuple[str, ...]

    @property
    def size(self) -> int:
        """The number of known values."""
        return len(self.vocabulary)

    @cached_property
    def _values(self) -> pa.Array:
        return pa.array(self.vocabulary, pa.string())

    def ids(self, column: pa.Array) -> Ids:
        """The ids of the values, int32 [n]."""
        found = pc.fill_null(pc.index_in(column.cast(pa.string()), value_set=self._values), -1)
        ids: Ids = found.to_numpy(zero_copy_only=False) + np.int32(1)
        return ids


class FittedCategoryFile(_Fitted):
    """A category whose known values are too many for the encoder's JSON. A file beside it has them.

    The values have the same ids as in `FittedCategory`. ``size`` is their number.
    """

    kind: Literal["category_file"] = "category_file"
    file: str
    size: int = Field(gt=0)
    sha256: str

    def ids(self, column: pa.Array, folder: Place) -> Ids:
        """The ids of the values, int32 [n]. ``folder`` has the encoder's files.

        Raises:
            ArtefactError: the file is missing in the folder, or it was changed.
        """
        return vocabulary.opened(folder / self.file, self.sha256).ids(column)


class FittedNumber(_Fitted):
    """A z-score. ``mean`` and ``std`` describe the training days; ``clip`` is in standard deviations."""

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
    """Sine and cosine of a value with a declared period; nothing is fitted."""

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


def _floats(column: pa.Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """A copy of a column as float64 [n], and where the column is null, NaN or infinite."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    # A float64 rounds an integer above 2**53, which a safe cast refuses. A z-score needs no more digits.
    values = np.array(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    return values, ~np.isfinite(values)
