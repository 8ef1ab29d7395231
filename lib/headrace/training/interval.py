"""A rank's share of the shards: one interval of the rows of all files. Shares differ by at most one row."""

from __future__ import annotations

from itertools import accumulate

from headrace.training.rows import Piece, Rows
from headrace.training.shards import Shards


class Interval:
    """One rank's rows of some shards. A file is opened only when a slice needs some of its rows.

    Args:
        shards: the files.
        rank: this rank, from 0.
        ranks: the number of ranks.
    """

    def __init__(self, shards: Shards, rank: int = 0, ranks: int = 1) -> None:
        self._files = shards.opened()
        self._ends = list(accumulate(file.rows for file in self._files))
        self._first = rank * shards.rows // ranks
        self.rows = (rank + 1) * shards.rows // ranks - self._first

    def slice(self, start: int, stop: int) -> Rows:
        """The rows from ``start`` to before ``stop`` or the last row; at least one.

        Raises:
            ArtefactError: the digest of a file is not the digest it was written with.
        """
        first, last = self._first + start, self._first + min(stop, self.rows)
        borders = ((file, end - file.rows, end) for file, end in zip(self._files, self._ends, strict=True))
        needed = [(file, begin, end) for file, begin, end in borders if begin < last and first < end]
        room = needed[0][0].room(last - first)
        for file, begin, end in needed:
            low, high = max(first, begin), min(last, end)
            file.read([Piece(low - begin, high - low, room, low - first)])
        return room.rows


def first_rows(shards: Shards, rows: int) -> Rows:
    """The first rows of some shards, as a random sample of them. Files without any of these rows are not read.

    Raises:
        ArtefactError: as `Interval`.
    """
    return Interval(shards).slice(0, rows)
