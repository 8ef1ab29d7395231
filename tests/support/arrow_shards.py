"""Shards without Spark: encoded rows as files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from headrace.encoding.encoder import Encoder
from headrace.encoding.fitted import FittedCategory, FittedNumber
from headrace.training.shards import Shard, Shards
from pyarrow import ipc

ENCODER = Encoder(  # of `learnable`
    inputs=(
        FittedCategory(column="carrier", vocabulary=tuple("1234567")),
        FittedCategory(column="origin", vocabulary=tuple("1234")),
        FittedNumber(column="wind", mean=0, std=1, clip=9),
        FittedNumber(column="rain", mean=0, std=1, clip=9),
    )
)
Array = npt.NDArray[np.generic]


def write_file(path: Path, ids: Array, dense: Array, label: Array, rows_a_batch: int) -> Shard:
    """Write rows to a file in record batches of so many rows."""
    columns = [pa.FixedSizeListArray.from_arrays(pa.array(array.ravel()), array.shape[1]) for array in (ids, dense)]
    batch = pa.record_batch([*columns, pa.array(label)], ["ids", "dense", "label"])
    with ipc.new_file(str(path), batch.schema) as writer:
        for start in range(0, batch.num_rows, rows_a_batch):
            writer.write_batch(batch.slice(start, rows_a_batch))
    content = path.read_bytes()
    return Shard(path.name, len(label), int(label.sum()), len(content), hashlib.sha256(content).hexdigest())


def numbered(folder: Path, *sizes: int) -> Shards:
    """Files of so many rows, whose number in ``dense`` is unique to a row."""
    ends = np.cumsum(sizes)
    borders = enumerate(zip(ends - sizes, ends, strict=True))
    return Shards(folder, "", tuple(_numbered(folder / f"{at:05d}.arrow", *border) for at, border in borders))


def _numbered(path: Path, first: int, last: int) -> Shard:
    values = np.arange(first, last, dtype=np.float32)
    return write_file(path, np.zeros((len(values), 1), np.int32), values[:, None], values % 2, rows_a_batch=7)


def learnable(folder: Path, rows: int, files: int = 4, seed: int = 1) -> Shards:
    """Rows as `ENCODER` encodes them. The label depends on both categories and both numbers, with some noise."""
    random = np.random.default_rng(seed)
    ids = random.integers(0, [8, 5], (rows, 2)).astype(np.int32)
    dense = random.normal(size=(rows, 4)).astype(np.float32)
    dense[:, [1, 3]] = 0  # nothing is missing
    score = dense[:, 0] - dense[:, 2] + (ids[:, 0] > 4) - (ids[:, 1] == 0) + random.normal(size=rows) / 2
    label = (score > 0).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    parts = np.array_split(np.arange(rows), files)
    written = [
        write_file(folder / f"{at:05d}.arrow", ids[part], dense[part], label[part], rows_a_batch=100)
        for at, part in enumerate(parts)
    ]
    return Shards(folder, "", tuple(written))
