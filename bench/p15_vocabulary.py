"""P15: ids of a batch's values in a vocabulary of a million words, beside a hash table of the words for each batch.

Half of the batches repeat their values, as real columns do: few values have most of the rows (Zipf). The other half
draw them evenly, so that nearly all values of a batch differ, which is the worst case. Seconds are CPU seconds, and do
not depend on what else the machine does.
"""

from __future__ import annotations

import gc
import hashlib
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from headrace.encoding import vocabulary
from headrace.encoding.vocabulary import Ids

from bench.result import Result, cores

WORDS, BATCH, BATCHES, TURNS = 1_000_000, 65_536, 4, 5
LEAST_RATIO = 10.0


def run(words: int = WORDS, turns: int = TURNS) -> Result:
    """Measure CPU milliseconds a batch; they are medians of the turns."""
    random = np.random.default_rng(1)
    known = pa.array([f"user-{n * 7919:011d}" for n in range(words)], pa.string())
    drawn = {
        "repeated": [np.minimum(random.zipf(1.3, BATCH), words) - 1 for _ in range(BATCHES)],
        "even": [random.integers(0, words, BATCH) for _ in range(BATCHES)],
    }
    batches = {name: [known.take(pa.array(places)) for places in some] for name, some in drawn.items()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "words.arrow"
        fitting = _cpu_ms(lambda: vocabulary.write(known.cast(vocabulary.WORDS), file))
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        gc.collect()
        opening = _cpu_ms(lambda: vocabulary.opened(file, digest))
        ours = vocabulary.opened(file, digest).ids
        timed: dict[str, list[float]] = {f"{who} {name}": [] for who in ("ours", "peer") for name in batches}
        for _ in range(turns):
            for name, some in batches.items():
                assert all((ours(batch) == _peer(batch, known)).all() for batch in some)
                timed[f"ours {name}"].append(_cpu_ms(lambda some=some: [ours(b) for b in some]) / BATCHES)
                timed[f"peer {name}"].append(_cpu_ms(lambda some=some: [_peer(b, known) for b in some]) / BATCHES)
    of = {name: median(times) for name, times in timed.items()}
    ms, peer_ms = (sum(of[f"{who} {name}"] for name in batches) / len(batches) for who in ("ours", "peer"))
    return Result(
        id="P15-vocabulary",
        what=f"rows/s of ids from {words:,} words / with index_in (more is better)",
        ours=round(BATCH / ms * 1000),
        peer=round(BATCH / peer_ms * 1000),
        unit="rows/s",
        ratio=round(peer_ms / ms, 1),
        aim=f">= {LEAST_RATIO:g}",
        met=peer_ms / ms >= LEAST_RATIO,
        cores=cores(),
        rows=BATCH * BATCHES * len(batches),
        cpu_ms_a_batch={name: round(value, 2) for name, value in of.items()},
        cpu_ms_to_write=round(fitting),
        cpu_ms_to_open=round(opening),
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


def _peer(batch: pa.Array, known: pa.Array) -> Ids:
    found: Ids = pc.fill_null(pc.index_in(batch, value_set=known), -1).to_numpy() + np.int32(1)
    return found


def _cpu_ms(do: Callable[[], object]) -> float:
    began = time.process_time()
    do()
    return (time.process_time() - began) * 1000
