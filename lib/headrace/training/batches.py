"""The batches of an epoch. A batch is a fixed set of rows, and each rank takes its part of it.

Which rows a batch has depends on the files, the batch size, the seed and the epoch. It does not depend on the number of
ranks. An epoch has each row once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from headrace.errors import BadInputError
from headrace.training.rows import MappedFile, Rows, joined
from headrace.training.shards import Shards


class Part(NamedTuple):
    """A rank's rows of a batch, and how many rows the batch has on all ranks."""

    rows: Rows
    of: int


class Batches:
    """All batches of some shards. Each batch takes rows from every file, in proportion to the file's rows.

    The rows of a file are in random order already. An epoch therefore shuffles batches, and begins each file at a
    random row. A batch is made of slices of mapped memory, so no index of rows is needed.

    Args:
        parts: one or more shards, such as the training days and the validation days.
        batch_size: the rows of a batch on all ranks. The batches of an epoch differ a little, so that none is small.
        seed: the seed of the shuffling.
    """

    def __init__(self, parts: Sequence[Shards], batch_size: int, seed: int) -> None:
        self._files = [file for part in parts for file in part.mapped()]
        self._sizes = np.array([file.rows for file in self._files], np.int64)
        self._order = np.arange(len(self._files))
        self.rows = int(self._sizes.sum())
        self.steps = max(1, round(self.rows / batch_size))
        self._seed = seed

    def epoch(self, number: int, rank: int = 0, ranks: int = 1) -> Iterator[Part]:
        """One rank's parts of the batches of an epoch. The same number gives the same batches.

        Raises:
            ArtefactError: the digest of a file is not the digest it was written with.
        """
        random = np.random.default_rng([self._seed, number])
        starts = random.integers(0, self._sizes)
        for batch in random.permutation(self.steps):
            yield self._part(int(batch), starts, rank, ranks)

    def check(self, ranks: int) -> None:
        """Check that each rank has a row of each batch.

        Raises:
            BadInputError: a batch has fewer rows than there are ranks.
        """
        if int((self._sizes // self.steps).sum()) >= ranks:
            return
        batches = np.arange(self.steps + 1)
        smallest = int(np.diff(sum(self._border(batches, file) for file in self._order)).min())
        if smallest < ranks:
            raise BadInputError(
                f"a batch of {smallest} rows is too small for {ranks} ranks",
                "Raise training.batch_size, or lower training.ranks",
            )

    def _part(self, batch: int, starts: npt.NDArray[np.int64], rank: int, ranks: int) -> Part:
        begins, stops = (self._border(number, self._order) for number in (batch, batch + 1))
        ends = np.cumsum(stops - begins)
        size = int(ends[-1])
        first, last = rank * size // ranks, (rank + 1) * size // ranks
        rows: list[Rows] = []
        first_file, last_file = np.searchsorted(ends, [first, last - 1], side="right")
        for at in range(first_file, last_file + 1):
            row = int(starts[at] + stops[at] - ends[at])  # of the file, where row 0 of the batch would be
            low, high = max(first, int(ends[at] - stops[at] + begins[at])), min(last, int(ends[at]))
            rows += _around(self._files[at], row + low, row + high)
        return Part(joined(rows), size)

    def _border(self, batch: Any, file: Any) -> Any:
        """The row of a file at which a batch begins.

        Each file rounds at another point. Otherwise all files would give a row to the same batches, and batches with
        fewer rows than files would differ a lot. The n-th of F files adds n / F before it rounds down.
        """
        files = len(self._files)
        return (batch * self._sizes[file] * files + file * self.steps) // (self.steps * files)


def _around(file: MappedFile, start: int, stop: int) -> list[Rows]:
    """The rows from ``start`` to before ``stop``. The first row of the file follows its last."""
    if stop <= file.rows:
        return file.slices(start, stop)
    if start >= file.rows:
        return file.slices(start - file.rows, stop - file.rows)
    return file.slices(start, file.rows) + file.slices(0, stop - file.rows)
