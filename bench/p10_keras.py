"""P10: rows/s of a rank on one core, beside ``keras.Model.fit`` with ``tf.data`` on the same rows and network."""

from __future__ import annotations

from bench.lake import year_built
from bench.ranks import COPIES, launched, ours_and_keras, shards_of_copies
from bench.result import Result, of_turns

TURNS = 3
AIM = 2.0


def run(copies: int = COPIES, turns: int = TURNS) -> Result:
    """Measure; rates are medians."""
    context = year_built()
    files, encoder = shards_of_copies(context, copies)
    settings = context.config.training
    [rates] = launched(context, ours_and_keras, [files, encoder, settings, turns], ranks=1)
    what = "training of one rank on one core / keras.Model.fit on tf.data, same rows, network and batches"
    return of_turns("P10", what, rates, AIM, rows=files.rows, batch_size=settings.batch_size)
