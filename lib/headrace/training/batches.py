"""The batches of one rank. In an epoch, all ranks have the same number of batches of the same size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from headrace.errors import BadInputError
from headrace.training.interval import Interval, Rows, joined
from headrace.training.shards import Shards


class Batches:
    """Batches of a rank's rows. Each batch takes rows from every part, in proportion to the part's size.

    The rows of a file are in random order already. An epoch therefore shuffles batches, and shifts their borders by a
    random offset. A batch is a slice of mapped memory, so no index of rows is needed.

    Args:
        parts: one or more shards, such as the training days and the validation days.
        batch_size: rows of a batch of this rank.
        seed: the seed of the shuffling.
        rank: this rank, from 0.
        ranks: the number of ranks.

    Raises:
        BadInputError: there are fewer rows than ranks.
    """

    def __init__(self, parts: Sequence[Shards], batch_size: int, seed: int, rank: int, ranks: int) -> None:
        rows = [part.rows // ranks for part in parts]  # every rank has at least these
        if not sum(rows):
            raise BadInputError(
                f"{sum(p.rows for p in parts)} rows are too few for {ranks} ranks",
                "Train on more days",
            )
        self.sizes = shares(min(batch_size, sum(rows)), rows)
        self.steps = min(n // size for n, size in zip(rows, self.sizes, strict=True) if size)
        self._spare = [n - self.steps * size for n, size in zip(rows, self.sizes, strict=True)]
        self._intervals = [Interval(part, rank, ranks) for part in parts]
        self._seed = (seed, rank)

    def epoch(self, number: int) -> Iterator[Rows]:
        """The batches of an epoch. The same number gives the same batches."""
        random = np.random.default_rng([*self._seed, number])
        starts = [int(random.integers(0, spare + 1)) for spare in self._spare]
        for batch in random.permutation(self.steps):
            yield joined(
                [
                    interval.slice(start + batch * size, start + (batch + 1) * size)
                    for interval, start, size in zip(self._intervals, starts, self.sizes, strict=True)
                    if size
                ]
            )


def shares(batch_size: int, rows: Sequence[int]) -> list[int]:
    """The rows of a batch that come from each part, in proportion to its rows. The largest part takes the rest."""
    sizes = [batch_size * n // sum(rows) for n in rows]
    sizes[int(np.argmax(rows))] += batch_size - sum(sizes)
    return sizes
