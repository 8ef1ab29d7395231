"""A 64-bit hash of each text in an Arrow array, computed for all texts at once.

Arrow and NumPy have no function for it. A lookup by hash compares the texts afterwards, so the hash needs only speed
and an even spread.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]

STEP = 8  # bytes that one round reads
ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio, as in Fibonacci hashing
HALF = np.uint64(32)
KEPT = np.array([(1 << 8 * left) - 1 for left in range(STEP + 1)], np.uint64)
"""The mask that keeps the bytes that a text has left, of the eight that were read."""


def hashes(texts: pa.LargeStringArray, seed: int) -> Hashes:
    """The hash of each text, uint64 [n]. ``texts`` has no nulls. Equal texts have equal hashes, on every machine."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    starts, left = ends[:-1] - ends[0], np.diff(ends)
    size = int(ends[-1] - ends[0])
    padded = np.zeros(size + STEP, np.uint8)  # the last text may end less than eight bytes before the end
    if size:
        padded[:size] = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
    eight_from = np.ndarray((size + 1,), "<u8", padded, strides=(1,))

    mixed = (left.astype(np.uint64) + np.uint64(seed)) * ODD
    at = np.arange(len(texts))
    while len(at):
        read = eight_from[starts] & KEPT[np.minimum(left, STEP)]
        product = (mixed[at] ^ read) * ODD
        mixed[at] = product ^ (product >> HALF)
        longer = left > STEP
        at, starts, left = at[longer], starts[longer] + STEP, left[longer] - STEP
    return mixed * ODD
