"""A rank's share of the shards: one interval of the rows of all files. Shares differ by at most one row."""

from __future__ import annotations

import functools
import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import ipc

from headrace import storage
from headrace.encoding.fitted import Floats, Ids
from headrace.errors import ArtefactError
from headrace.storage import Place
from headrace.training.shards import Shards


class Rows(NamedTuple):
    """``n`` rows: ``ids`` int32 [n, k], ``dense`` float32 [n, d], ``label`` float32 [n]."""

    ids: Ids
    dense: Floats
    label: Floats


class Interval:
    """One rank's rows of some shards, as slices of mapped files. A row is read only when a slice contains it.

    Files in S3 that contain some of the rows are copied to this machine once.

    Args:
        shards: the files.
        rank: this rank, from 0.
        ranks: the number of ranks.

    Raises:
        ArtefactError: the digest of a file is not the digest it was written with.
    """

    def __init__(self, shards: Shards, rank: int, ranks: int) -> None:
        first, last = rank * shards.rows // ranks, (rank + 1) * shards.rows // ranks
        self._pieces: list[Rows] = []
        self._ends: list[int] = []
        self.rows = 0
        before = 0
        for shard in shards.files:
            if first < before + shard.rows and last > before:
                for piece in _mapped(shards.folder / shard.file, shard.sha256, first - before, last - before):
                    self.rows += len(piece.label)
                    self._pieces.append(piece)
                    self._ends.append(self.rows)
            before += shard.rows

    def slice(self, start: int, stop: int) -> Rows:
        """The rows from ``start`` to before ``stop``. They are copied only if they span several pieces."""
        parts = []
        at = bisect_right(self._ends, start)
        while start < stop:
            piece, end = self._pieces[at], self._ends[at]
            begin = end - len(piece.label)
            low, high = start - begin, stop - begin
            parts.append(Rows(piece.ids[low:high], piece.dense[low:high], piece.label[low:high]))
            start, at = min(stop, end), at + 1
        return joined(parts)


def first_rows(shards: Shards, rows: int) -> Rows:
    """The first rows of some shards, as a random sample of them. Files without any of these rows are not read.

    Raises:
        ArtefactError: as `Interval`.
    """
    ends = accumulate(shard.rows for shard in shards.files)
    needed = tuple(shard for shard, end in zip(shards.files, ends, strict=True) if end - shard.rows < rows)
    return Interval(replace(shards, files=needed), 0, 1).slice(0, rows)


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, in order. A single part is not copied."""
    return parts[0] if len(parts) == 1 else Rows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _mapped(path: Place, sha256: str, first: int, last: int) -> Iterator[Rows]:
    """The rows of a file from ``first`` (at least 0) to before ``last``, one piece for each record batch."""
    local = storage.cached_copy(path, sha256, functools.partial(_check, path, sha256))
    reader = ipc.open_file(pa.memory_map(str(local)))
    for number in range(reader.num_record_batches):
        batch = reader.get_batch(number)
        low, high = max(first, 0), min(last, batch.num_rows)
        if low < high:
            part = batch.slice(low, high - low)
            yield Rows(
                _matrix(part.column("ids")),
                _matrix(part.column("dense")),
                part.column("label").to_numpy(),
            )
        first, last = first - batch.num_rows, last - batch.num_rows


def _check(path: Place, sha256: str, local: Path) -> None:
    with local.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise ArtefactError(f"{path} is not the file that was written", f"Remove {path.parent} and train again")


def _matrix(lists: pa.FixedSizeListArray) -> Any:
    return lists.flatten().to_numpy().reshape(len(lists), lists.type.list_size)
