"""A large vocabulary in a file. Every process that looks values up maps the file into its memory.

It is an Arrow IPC file with one record batch. Each row is a word: its ``hash`` (uint64), its ``id`` (int32) and the
``word`` itself. Rows are sorted by hash, so that a binary search finds a word without a table in memory.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from headrace import storage
from headrace.encoding.hashing import hashes
from headrace.errors import ArtefactError
from headrace.storage import Place

Ids = npt.NDArray[np.int32]

WORDS = pa.large_string()  # 32-bit offsets would end at 2 GB of text
SCHEMA = pa.schema([("hash", pa.uint64()), ("id", pa.int32()), ("word", WORDS)])
MAX_SEEDS = 16
HINT = "Restore it from a backup, or train the model again"
OPEN_FILES = 256  # that a process keeps mapped: an evaluation needs one for each model and column


class Vocabulary:
    """The words of one column. The n-th in sorted order (from 0) has the id n + 1."""

    def __init__(self, file: Path) -> None:
        batch = ipc.open_file(pa.memory_map(str(file))).get_batch(0)
        self._hashes = batch.column("hash").to_numpy()
        self._ids = batch.column("id").to_numpy()
        self._words = batch.column("word")
        self._seed = int(batch.schema.metadata[b"seed"])

    def ids(self, column: pa.Array) -> Ids:
        """The ids of the values, int32 [n]. Unknown values and nulls have the id 0."""
        # A column repeats its values, and only different ones are looked up.
        distinct = column.cast(pa.string()).dictionary_encode()
        null = len(distinct.dictionary)
        known = np.append(self._known(distinct.dictionary.cast(WORDS)), np.int32(0))
        found: Ids = known[distinct.indices.fill_null(null).to_numpy()]
        return found

    def _known(self, words: pa.LargeStringArray) -> Ids:
        wanted = hashes(words, self._seed)
        # In sorted order, one search ends close to where the next one does, in the processor's cache.
        order = np.argsort(wanted)
        at = np.empty(len(words), np.int64)
        at[order] = np.searchsorted(self._hashes, wanted[order])
        at = np.minimum(at, len(self._hashes) - 1)
        same = pc.equal(self._words.take(pa.array(at)), words).to_numpy(zero_copy_only=False)
        return np.where(same, self._ids[at], np.int32(0))


def write(words: pa.LargeStringArray, file: Path) -> None:
    """Write a vocabulary. The words are sorted, and differ from each other.

    It takes some 90 bytes of memory for a word of 16 letters, besides ``words``.
    """
    seed, order, ordered = _without_collision(words)
    ids = (order + 1).astype(np.int32)
    schema = SCHEMA.with_metadata({"seed": str(seed)})
    with pa.OSFile(str(file), "wb") as sink, ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.record_batch([pa.array(ordered), pa.array(ids), words.take(pa.array(order))], schema))


def _without_collision(words: pa.LargeStringArray) -> tuple[int, npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """The first seed with which all words have different hashes; the order of the hashes, and the sorted hashes."""
    for seed in range(MAX_SEEDS):
        of_words = hashes(words, seed)
        order = np.argsort(of_words, kind="stable")
        ordered = of_words[order]
        if (ordered[1:] != ordered[:-1]).all():
            return seed, order, ordered
    raise ValueError(f"a word occurs twice, or {MAX_SEEDS} seeds each gave two words one hash")


@functools.lru_cache(maxsize=OPEN_FILES)
def opened(file: Place, sha256: str) -> Vocabulary:
    """The vocabulary in a file, which this process checks and maps once. A file in S3 is copied to this machine once.

    Raises:
        ArtefactError: the file is missing, or its digest is another one.
    """
    try:
        return Vocabulary(storage.cached_copy(file, sha256, functools.partial(_check, file, sha256)))
    except FileNotFoundError:
        raise ArtefactError(f"the vocabulary {file} is missing", HINT) from None


def _check(file: Place, sha256: str, local: Path) -> None:
    with local.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        raise ArtefactError(f"the vocabulary {file} has SHA-256 {found[:12]}, its encoder says {sha256[:12]}", HINT)
