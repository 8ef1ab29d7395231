"""Rows in memory, and the encoded files that hold them. A file is opened only when some of its rows are needed."""

from __future__ import annotations

import functools
import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import ipc

from headrace import storage
from headrace.encoding.fitted import Floats, Ids
from headrace.errors import ArtefactError
from headrace.storage import Place


class Rows(NamedTuple):
    """``n`` rows: ``ids`` int32 [n, k], ``dense`` float32 [n, d], ``label`` float32 [n]."""

    ids: Ids
    dense: Floats
    label: Floats


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, in order. A single part is not copied."""
    return parts[0] if len(parts) == 1 else Rows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


class MappedFile:
    """One encoded file, as slices of mapped memory. A file in S3 is copied to this machine once.

    Args:
        path: the file.
        rows: the number of its rows.
        sha256: its digest in hex. It is compared when the file is opened.
    """

    def __init__(self, path: Place, rows: int, sha256: str) -> None:
        self.rows = rows
        self._path, self._sha256 = path, sha256

    def slices(self, start: int, stop: int) -> list[Rows]:
        """The rows from ``start`` to before ``stop``, not copied: one piece for each record batch.

        Raises:
            ArtefactError: the digest of the file is not the digest it was written with.
        """
        found = []
        pieces, ends = self._opened if start < stop else ([], [])
        at = bisect_right(ends, start)
        while start < stop:
            begin = ends[at] - len(pieces[at].label)
            rows = slice(start - begin, min(stop, ends[at]) - begin)
            ids, dense, label = pieces[at]
            found.append(Rows(ids[rows], dense[rows], label[rows]))
            start, at = ends[at], at + 1
        return found

    @functools.cached_property
    def _opened(self) -> tuple[list[Rows], list[int]]:
        """The record batches, and the number of rows up to the end of each."""
        check = functools.partial(_check, self._path, self._sha256)
        reader = ipc.open_file(pa.memory_map(str(storage.cached_copy(self._path, self._sha256, check))))
        pieces = [_rows(reader.get_batch(number)) for number in range(reader.num_record_batches)]
        return pieces, np.cumsum([len(piece.label) for piece in pieces]).tolist()


def _rows(batch: pa.RecordBatch) -> Rows:
    return Rows(_matrix(batch.column("ids")), _matrix(batch.column("dense")), batch.column("label").to_numpy())


def _matrix(lists: pa.FixedSizeListArray) -> Any:
    return lists.flatten().to_numpy().reshape(len(lists), lists.type.list_size)


def _check(path: Place, sha256: str, local: Path) -> None:
    with local.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise ArtefactError(f"{path} is not the file that was written", f"Remove {path.parent} and train again")
