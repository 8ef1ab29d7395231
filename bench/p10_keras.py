"""P10: rows/s of a rank on one core, beside ``keras.Model.fit`` with ``tf.data`` on the same rows and network."""

from __future__ import annotations

from statistics import median

from bench.lake import year_built
from bench.ranks import COPIES, launched, ours_and_keras, shards_of_copies
from bench.result import Result, cores

TURNS = 3
AIM = 2.0


def run(copies: int = COPIES, turns: int = TURNS) -> Result:
    """Measure; rates are medians."""
    context = year_built()
    files, encoder = shards_of_copies(context, copies)
    settings = context.config.training
    [rates] = launched(context, ours_and_keras, [files, encoder, settings, turns], ranks=1)
    ours, keras = (median(kind) for kind in zip(*rates, strict=True))
    return Result(
        id="P10",
        what="training of one rank on one core / keras.Model.fit on tf.data, same rows, network and batches",
        ours=round(ours),
        peer=round(keras),
        unit="rows/s",
        ratio=round(ours / keras, 3),
        aim=f">= {AIM:g}",
        met=ours / keras >= AIM,
        cores=cores(),
        rows=files.rows,
        batch_size=settings.batch_size,
        turns=[[round(rate) for rate in turn] for turn in rates],
    )
