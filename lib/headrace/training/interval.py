"""A rank's share of the shards: one interval of the rows of all files. Shares differ by at most one row."""

from __future__ import annotations

from itertools import accumulate

from headrace.training.rows import Rows, joined
from headrace.training.shards import Shards


class Interval:
    """One rank's rows of some shards. A file is opened only when a slice needs some of its rows.

    Args:
        shards: the files.
        rank: this rank, from 0.
        ranks: the number of ranks.
    """

    def __init__(self, shards: Shards, rank: int = 0, ranks: int = 1) -> None:
        self._files = shards.mapped()
        self._ends = list(accumulate(file.rows for file in self._files))
        self._first = rank * shards.rows // ranks
        self.rows = (rank + 1) * shards.rows // ranks - self._first

    def slice(self, start: int, stop: int) -> Rows:
        """The rows from ``start`` to before ``stop``, at least one. They are copied if they span several pieces.

        Raises:
            ArtefactError: the digest of a file is not the digest it was written with.
        """
        first, last = self._first + start, self._first + stop
        parts: list[Rows] = []
        for file, end in zip(self._files, self._ends, strict=True):
            begin = end - file.rows
            parts += file.slices(max(first - begin, 0), min(last - begin, file.rows))
        return joined(parts)


def first_rows(shards: Shards, rows: int) -> Rows:
    """The first rows of some shards, as a random sample of them. Files without any of these rows are not read.

    Raises:
        ArtefactError: as `Interval`.
    """
    return Interval(shards).slice(0, rows)
