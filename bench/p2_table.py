"""P2-table: two ranks with an embedding of a million rows, beside the same ranks that sum its whole gradient."""

from __future__ import annotations

from statistics import median

from bench.lake import year_built
from bench.large_table import gathered_and_summed
from bench.ranks import launched, shards_of_copies
from bench.result import Result, cores

TURNS, STEPS = 3, 20
AIM = 1.5


def run(turns: int = TURNS, steps: int = STEPS) -> Result:
    """Measure; rates are medians of the turns."""
    context = year_built()
    files, encoder = shards_of_copies(context, copies=1)
    settings = context.config.training
    rates = launched(context, gathered_and_summed, [files, encoder, settings, turns, steps], ranks=2)[0]
    gathered, summed = (median(kind) for kind in zip(*rates, strict=True))
    return Result(
        id="P2-table",
        what="training of two ranks with a table of 1M rows of 16, looked-up rows gathered / whole gradients summed",
        ours=round(gathered),
        peer=round(summed),
        unit="rows/s",
        ratio=round(gathered / summed, 2),
        aim=f">= {AIM}",
        met=gathered / summed >= AIM,
        cores=cores(),
        rows=files.rows,
        batch_size=settings.batch_size,
        turns=[[round(rate) for rate in turn] for turn in rates],
    )
