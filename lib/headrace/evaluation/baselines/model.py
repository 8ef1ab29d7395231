"""What every baseline implements: fit on a sample into a file, and load that file into a scorer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

Scorer = Callable[[I32, F32], F64]
"""Takes ids [n, k] and dense [n, d], and returns probabilities [n]."""


class Sample(NamedTuple):
    """The encoded rows that a baseline is fitted on; `headrace.evaluation.baselines.fit` describes the fields."""

    ids: I32
    dense: F32
    labels: npt.NDArray[Any]
    vocabulary_sizes: Sequence[int]
    seed: int


class BaselineModel(ABC):
    """A baseline. It has no state, and can be pickled.

    Attributes:
        file: the name of its file in the folder of the baselines.
    """

    file: ClassVar[str]

    @abstractmethod
    def fit(self, file: Path, sample: Sample) -> None:
        """Fit to the sample, and write the result to ``file``. The same sample must give the same bytes."""

    @abstractmethod
    def load(self, file: Path) -> Scorer:
        """Read what `fit` wrote. The file may be deleted once this returns."""
