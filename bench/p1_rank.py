"""P1: rows/s of one rank that trains from shards, beside the same compiled step on batches in memory."""

from __future__ import annotations

from statistics import median

from bench.lake import year_built
from bench.ranks import COPIES, fed_and_from_memory, launched, shards_of_copies
from bench.result import Result, cores

TURNS = 5
AIM = 0.95


def run(copies: int = COPIES, turns: int = TURNS) -> Result:
    """Measure; rates are medians."""
    context = year_built()
    files, encoder = shards_of_copies(context, copies)
    settings = context.config.training
    [rates] = launched(context, fed_and_from_memory, [files, encoder, settings, turns], ranks=1)
    fed, memory = (median(kind) for kind in zip(*rates, strict=True))
    return Result(
        id="P1",
        what="training of one rank on one core, fed from shards / the same compiled step fed from memory",
        ours=round(fed),
        peer=round(memory),
        unit="rows/s",
        ratio=round(fed / memory, 3),
        aim=f">= {AIM}",
        met=fed / memory >= AIM,
        cores=cores(),
        rows=files.rows,
        batch_size=settings.batch_size,
        turns=[[round(rate) for rate in turn] for turn in rates],
    )
