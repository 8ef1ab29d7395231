"""The batches of an epoch. A batch is a fixed set of rows, and each rank takes its part of it.

Which rows a batch has depends on the files, the batch size, the seed and the epoch. It does not depend on the number of
ranks. An epoch has each row once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from headrace.errors import BadInputError
from headrace.training.rows import Piece, Rows
from headrace.training.shards import Shards

BLOCK_ROWS = 16_384  # of the batches that are read at once, because a read costs as much as a copy of 20 KB


class Part(NamedTuple):
    """A rank's rows of a batch, and how many rows the batch has on all ranks."""

    rows: Rows
    of: int


class Batches:
    """All batches of some shards. Each batch takes rows from every file, in proportion to the file's rows.

    The rows of a file are in random order already. An epoch therefore shuffles blocks of consecutive batches and the
    batches of each block. It begins each file at a random row, so no index of rows is needed. A block is read at once.

    Args:
        parts: one or more shards, such as the training days and the validation days.
        batch_size: the rows of a batch on all ranks. The batches of an epoch differ a little, so that none is small.
        seed: the seed of the shuffling.
    """

    def __init__(self, parts: Sequence[Shards], batch_size: int, seed: int) -> None:
        self._files = [file for part in parts for file in part.opened()]
        self._sizes = np.array([file.rows for file in self._files], np.int64)
        self._order = np.arange(len(self._files))
        self.rows = int(self._sizes.sum())
        self.steps = max(1, round(self.rows / batch_size))
        self._at_once = max(1, BLOCK_ROWS // batch_size)
        self._seed = seed

    def epoch(self, number: int, rank: int = 0, ranks: int = 1) -> Iterator[Part]:
        """One rank's parts of the batches of an epoch. The same number gives the same batches."""
        return chain.from_iterable(self.blocks(number, rank, ranks))

    def blocks(self, number: int, rank: int = 0, ranks: int = 1) -> Iterator[list[Part]]:
        """The parts of an epoch, as many at once as are read at once.

        Raises:
            ArtefactError: the digest of a file is not the digest it was written with.
        """
        random = np.random.default_rng([self._seed, number])
        starts = random.integers(0, self._sizes)
        for first in random.permutation(range(0, self.steps, self._at_once)):
            parts = self._block(first, min(first + self._at_once, self.steps), starts, rank, ranks)
            yield [parts[at] for at in random.permutation(len(parts))]

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

    def _block(self, first: int, stop: int, starts: npt.NDArray[np.int64], rank: int, ranks: int) -> list[Part]:
        """A rank's parts of the batches from ``first`` to before ``stop``. Arrays below are [batches, files]."""
        borders = self._border(np.arange(first, stop + 1)[:, None], self._order)
        counts = np.diff(borders, axis=0)
        ends = np.cumsum(counts, axis=1)  # positions within a batch, and so on
        sizes = ends[:, -1:]
        own, next_rank = rank * sizes // ranks, (rank + 1) * sizes // ranks
        low, high = np.maximum(own, ends - counts), np.minimum(next_rank, ends)
        begins = (starts + borders[:-1] + low - ends + counts) % self._sizes  # rows of files
        used = np.flatnonzero((low < high).any(axis=0))
        rooms = [self._files[used[0]].room(rows) for rows in (next_rank - own)[:, 0].tolist()]
        for at in used:
            row, number, to = (array[:, at].tolist() for array in (begins, np.maximum(high - low, 0), low - own))
            self._files[at].read(map(Piece, row, number, rooms, to))
        return [Part(room.rows, size) for room, size in zip(rooms, sizes[:, 0].tolist(), strict=True)]

    def _border(self, batch: Any, file: Any) -> Any:
        """The row of a file at which a batch begins.

        Each file rounds at another point. Otherwise all files would give a row to the same batches, and batches with
        fewer rows than files would differ a lot. The n-th of F files adds n / F before it rounds down.
        """
        files = len(self._files)
        return (batch * self._sizes[file] * files + file * self.steps) // (self.steps * files)
