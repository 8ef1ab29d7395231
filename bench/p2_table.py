"""P2-table: two ranks with an embedding of a million rows, beside the same ranks that sum its whole gradient."""

from __future__ import annotations

from bench.lake import year_built
from bench.large_table import gathered_and_summed
from bench.ranks import launched, shards_of_copies
from bench.result import Result, of_turns

TURNS, STEPS = 3, 20
AIM = 1.5


def run(turns: int = TURNS, steps: int = STEPS) -> Result:
    """Measure; rates are medians of the turns."""
    context = year_built()
    files, encoder = shards_of_copies(context, copies=1)
    settings = context.config.training
    rates = launched(context, gathered_and_summed, [files, encoder, settings, turns, steps], ranks=2)[0]
    what = "training of two ranks with a table of 1M rows of 16, looked-up rows gathered / whole gradients summed"
    return of_turns("P2-table", what, rates, AIM, rows=files.rows, batch_size=settings.batch_size)
