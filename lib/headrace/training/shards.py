"""Write encoded rows to files that ranks read slices of.

The hash of a row's key and the seed decides its file, and its place in the file. The files therefore depend on the rows
and the seed only, not on Spark's partitions or the number of ranks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import ipc

from headrace import storage
from headrace.encoding.encoder import Encoded, Encoder
from headrace.errors import BadInputError
from headrace.storage import Place
from headrace.training.file_count import number_of_files
from headrace.training.rows import EncodedFile

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROWS_A_BATCH = 65_536  # fixed, so that a file's bytes do not depend on Spark's batch size
INDEX = "shards.json"
WRITTEN = "file string, rows long, positives long, bytes long, sha256 string"


@dataclass(frozen=True)
class Shard:
    """One Arrow IPC file with the columns ``ids`` (int32 [k]), ``dense`` (float32 [d]) and ``label`` (float32)."""

    file: str
    rows: int
    positives: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Shards:
    """All files of one training frame. ``content`` says what the frame was made from; see `Target`."""

    folder: Place
    content: str
    files: tuple[Shard, ...]

    @property
    def rows(self) -> int:
        return sum(f.rows for f in self.files)

    @property
    def positives(self) -> int:
        return sum(f.positives for f in self.files)

    @property
    def digest(self) -> str:
        """SHA-256 of the files' digests, in hex."""
        return hashlib.sha256("".join(f.sha256 for f in self.files).encode()).hexdigest()

    def opened(self) -> list[EncodedFile]:
        """The files, to read rows from."""
        return [EncodedFile(self.folder / f.file, f.rows, f.sha256) for f in self.files]


@dataclass(frozen=True)
class Target:
    """What files are made from, besides their encoder, and where they are.

    Args:
        content: what the frame was made from, such as the digest of its publish ids, days and label.
        key: the columns that identify a row.
        seed: decides the order of the rows.
        folder: has a subfolder for each target and encoder. Every executor and rank must see it.
    """

    content: str
    key: tuple[str, ...]
    seed: int
    folder: Place

    def of(self, encoder: Encoder) -> Place:
        """The subfolder of the files of one encoder."""
        made_from = json.dumps([self.content, encoder.digest, list(self.key), self.seed])
        return self.folder / hashlib.sha256(made_from.encode()).hexdigest()[:32]


def kept(encoder: Encoder, target: Target) -> Shards | None:
    """The files that an earlier run left, if none of them is missing."""
    folder = target.of(encoder)
    sizes = {path.name: path.stat().st_size for path in folder.glob("[!.]*")}
    if INDEX not in sizes:
        return None
    index = json.loads((folder / INDEX).read_text())
    shards = tuple(Shard(**s) for s in index["files"])
    return Shards(folder, index["content"], shards) if all(sizes.get(s.file) == s.bytes for s in shards) else None


def write(frame: DataFrame, encoder: Encoder, target: Target) -> Shards:
    """Encode a training frame into files. Each file appears whole. Complete files are not written again.

    The rows are counted first, because their number decides how many files there are.

    Args:
        frame: input columns, key columns and ``label`` (0 or 1, no nulls).
        encoder: encodes the input columns.
        target: what the frame was made from, and where the files go.

    Raises:
        BadInputError: the frame has no rows.
    """
    from pyspark.sql import functions as F

    if complete := kept(encoder, target):
        return complete
    folder, key = target.of(encoder), target.key
    files = number_of_files(frame.count())
    place = F.xxhash64(F.lit(target.seed), *key)
    rows = (
        frame.select(*dict.fromkeys([*encoder.columns, *key]), "label", place.alias("_place"))
        .repartitionById(files, F.pmod("_place", F.lit(files)).cast("int"))
        .sortWithinPartitions("_place", *key)
    )
    written = rows.mapInArrow(lambda batches: _write_file(batches, encoder, folder), WRITTEN).collect()
    shards = tuple(sorted((Shard(**row.asDict()) for row in written), key=lambda shard: shard.file))
    if not shards:
        raise BadInputError("the training frame has no rows", "Build the features and the label's table for these days")
    index = json.dumps({"content": target.content, "files": [asdict(s) for s in shards]}, indent=1)
    storage.write(folder / INDEX, index.encode())
    return Shards(folder, target.content, shards)


def _write_file(batches: Iterator[pa.RecordBatch], encoder: Encoder, folder: Place) -> Iterator[pa.RecordBatch]:
    """Write one partition to one file, in a Spark task. A second attempt writes the same bytes to the same file."""
    from pyspark import TaskContext

    context = TaskContext.get()
    assert context is not None
    parts = _even(batches)
    first = next(parts, None)
    if first is None:
        return
    name = f"{context.partitionId():05d}.arrow"
    with storage.writing(folder / name) as file:
        rows, positives = _write_rows(chain([first], parts), encoder, file)
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = file.stat().st_size
    line = {"file": name, "rows": rows, "positives": positives, "bytes": size, "sha256": digest}
    yield pa.RecordBatch.from_pylist([line])


def _write_rows(parts: Iterator[pa.RecordBatch], encoder: Encoder, file: Path) -> tuple[int, int]:
    """Encode rows into a file. Returns the number of rows and the number of positives."""
    schema = pa.schema(
        [
            ("ids", pa.list_(pa.int32(), len(encoder.vocabulary_sizes))),
            ("dense", pa.list_(pa.float32(), encoder.width)),
            ("label", pa.float32()),
        ],
        {"encoder": encoder.digest},
    )
    rows, positives = 0, 0
    with pa.OSFile(str(file), "wb") as sink, ipc.new_file(sink, schema) as writer:
        for part in parts:
            label = part.column("label").cast(pa.float32())
            writer.write_batch(_columns(encoder.encode(part), label, schema))
            rows += part.num_rows
            positives += int(label.to_numpy().sum())
    return rows, positives


def _even(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of `ROWS_A_BATCH` rows; the last may be shorter."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        while count >= ROWS_A_BATCH:
            table = pa.Table.from_batches(held).combine_chunks()
            yield table.slice(0, ROWS_A_BATCH).to_batches()[0]
            held, count = table.slice(ROWS_A_BATCH).to_batches(), count - ROWS_A_BATCH
    if count:
        yield pa.Table.from_batches(held).combine_chunks().to_batches()[0]


def _columns(encoded: Encoded, label: pa.Array, schema: pa.Schema) -> pa.RecordBatch:
    def fixed(array: npt.NDArray[np.generic]) -> pa.Array:
        return pa.FixedSizeListArray.from_arrays(pa.array(array.ravel()), array.shape[1])

    return pa.record_batch([fixed(encoded.ids), fixed(encoded.dense), label], schema=schema)
