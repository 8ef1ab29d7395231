"""Rows in memory, and the encoded files that hold them. A file is opened only when some of its rows are needed."""

from __future__ import annotations

import functools
import hashlib
import math
import mmap
import os
import weakref
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
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

ALIGNMENT = 64  # bytes; TensorFlow may end the process if it reads an array that begins elsewhere
MOST_PARTS = 1000  # that the kernel fills in one call; Linux takes 1,024


class Rows(NamedTuple):
    """``n`` rows: ``ids`` int32 [n, k], ``dense`` float32 [n, d], ``label`` float32 [n]."""

    ids: Ids
    dense: Floats
    label: Floats


def tensor(array: Any) -> Any:
    """An array as a tensor. The arrays of a `Room` are not copied, so they must not change afterwards."""
    import tensorflow as tf

    if array.flags.writeable and array.ctypes.data % ALIGNMENT == 0:
        return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    return tf.constant(array)


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, in order."""
    return Rows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


class Room:
    """Arrays that `EncodedFile.read` fills, and that `tensor` takes without a copy.

    Attributes:
        rows: the arrays.
        bytes: the memory of each array, which Python cuts faster than an array.
    """

    def __init__(self, rows: int, columns: Rows) -> None:
        self.rows = Rows(*(_aligned((rows, *column.shape[1:]), column.dtype) for column in columns))
        self.bytes = [memoryview(array.data).cast("B") for array in self.rows]


class Piece(NamedTuple):
    """Rows of a file, from ``row`` on, and where they go: to the rows of ``room`` from ``at`` on."""

    row: int
    number: int
    room: Room
    at: int


class _Opened(NamedTuple):
    """An open file: its descriptor, an array of no rows for each column, and the bytes that a row has in each.

    ``ends`` has the number of rows up to the end of each record batch, ``places`` where in the file its columns begin.
    """

    descriptor: int
    columns: Rows
    widths: list[int]
    ends: list[int]
    places: list[list[int]]


class EncodedFile:
    """One encoded file, whose rows are copied from the kernel's cache. A file in S3 is copied to this machine once.

    The file is not mapped: a mapped page counts as memory of the rank, and one row may map 2 MB.

    Args:
        path: the file.
        rows: the number of its rows.
        sha256: its digest in hex. It is compared when the file is opened.
    """

    def __init__(self, path: Place, rows: int, sha256: str) -> None:
        self.rows = rows
        self._path, self._sha256 = path, sha256

    def room(self, rows: int) -> Room:
        """Arrays for so many rows of this file or another one of the same encoder."""
        return Room(rows, self._opened.columns)

    def read(self, pieces: Iterable[Piece]) -> None:
        """Read rows. The first row of the file follows its last.

        Raises:
            ArtefactError: the digest of the file is not the digest it was written with.
        """
        whole = [part for piece in pieces for part in self._within_batches(*piece)]
        for column, width in enumerate(self._opened.widths):
            run: list[memoryview] = []
            begin = end = -1
            for places, row, number, room, at in whole:
                place = places[column] + row * width
                if place != end or len(run) == MOST_PARTS:
                    self._fill(run, begin, end)
                    run, begin = [], place
                run.append(room.bytes[column][at * width : (at + number) * width])
                end = place + number * width
            self._fill(run, begin, end)

    def _within_batches(
        self, row: int, number: int, room: Room, at: int
    ) -> Iterator[tuple[list[int], int, int, Room, int]]:
        """A piece, cut where a record batch ends: where the columns of the batch are, and the piece within it."""
        _, _, _, ends, places = self._opened
        while number:
            row %= self.rows
            batch = bisect_right(ends, row)
            part = min(number, ends[batch] - row)
            yield places[batch], row - (ends[batch - 1] if batch else 0), part, room, at
            row, number, at = row + part, number - part, at + part

    def _fill(self, parts: list[memoryview], begin: int, end: int) -> None:
        """Fill memory with the bytes of the file from ``begin`` to before ``end``, in one call of the kernel."""
        if begin < end and os.preadv(self._opened.descriptor, parts, begin) != end - begin:
            raise _changed(self._path)

    @functools.cached_property
    def _opened(self) -> _Opened:
        check = functools.partial(_check, self._path, self._sha256)
        descriptor = os.open(storage.cached_copy(self._path, self._sha256, check), os.O_RDONLY)
        weakref.finalize(self, os.close, descriptor)
        with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as mapped:
            whole = pa.py_buffer(mapped)
            reader = ipc.open_file(pa.BufferReader(whole))
            batches = [_arrays(reader.get_batch(number)) for number in range(reader.num_record_batches)]
            ends = list(accumulate(len(batch.label) for batch in batches))
            places = [[array.ctypes.data - whole.address for array in batch] for batch in batches]
            columns = Rows(*(np.empty((0, *array.shape[1:]), array.dtype) for array in batches[0]))
            del batches, reader, whole  # so that the file can be unmapped
        widths = [array.itemsize * math.prod(array.shape[1:]) for array in columns]
        return _Opened(descriptor, columns, widths, ends, places)


def _aligned(shape: tuple[int, ...], kind: Any) -> Any:
    """An array of any values whose first byte is where TensorFlow expects it."""
    size = math.prod(shape) * kind.itemsize
    room = np.empty(size + ALIGNMENT, np.uint8)
    first = -room.ctypes.data % ALIGNMENT
    return room[first : first + size].view(kind).reshape(shape)


def _arrays(batch: pa.RecordBatch) -> Rows:
    return Rows(_matrix(batch.column("ids")), _matrix(batch.column("dense")), batch.column("label").to_numpy())


def _matrix(lists: pa.FixedSizeListArray) -> Any:
    return lists.flatten().to_numpy().reshape(len(lists), lists.type.list_size)


def _check(path: Place, sha256: str, local: Path) -> None:
    with local.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise _changed(path)


def _changed(path: Place) -> ArtefactError:
    return ArtefactError(f"{path} is not the file that was written", f"Remove {path.parent} and train again")
