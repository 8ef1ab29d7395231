"""P1: rows/s of one rank that trains from shards, beside the same compiled step on batches in memory."""

from __future__ import annotations

from bench.lake import year_built
from bench.ranks import COPIES, fed_and_from_memory, launched, shards_of_copies
from bench.result import Result, of_turns

TURNS = 5
AIM = 0.95


def run(copies: int = COPIES, turns: int = TURNS) -> Result:
    """Measure; rates are medians."""
    context = year_built()
    files, encoder = shards_of_copies(context, copies)
    settings = context.config.training
    [rates] = launched(context, fed_and_from_memory, [files, encoder, settings, turns], ranks=1)
    what = "training of one rank on one core, fed from shards / the same compiled step fed from memory"
    return of_turns("P1", what, rates, AIM, rows=files.rows, batch_size=settings.batch_size)
