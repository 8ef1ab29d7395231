"""P2: rows/s of two ranks that train together on two cores, beside twice one rank on one core."""

from __future__ import annotations

from statistics import median

from bench.lake import year_built
from bench.ranks import COPIES, epoch_rates, launched, shards_of_copies
from bench.result import Result, cores

TURNS, EPOCHS = 2, 2
AIM = 0.8


def run(copies: int = COPIES, turns: int = TURNS, epochs: int = EPOCHS) -> Result:
    """Measure; rates are medians over the epochs of all launches."""
    context = year_built()
    files, encoder = shards_of_copies(context, copies)
    settings = context.config.training
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(turns):
        for ranks in rates:
            rates[ranks] += launched(context, epoch_rates, [files, encoder, settings, ranks, epochs], ranks)[0]
            print(f"  {ranks} ranks  {rates[ranks][-1]:,.0f} rows/s", flush=True)
    one, two = median(rates[1]), median(rates[2])
    return Result(
        id="P2",
        what="training of two ranks on two cores / twice one rank on one core",
        ours=round(two),
        peer=round(2 * one),
        unit="rows/s",
        ratio=round(two / (2 * one), 3),
        aim=f">= {AIM}",
        met=two / (2 * one) >= AIM,
        cores=cores(),
        rows=files.rows,
        batch_size=settings.batch_size,
        epochs={ranks: [round(rate) for rate in found] for ranks, found in rates.items()},
    )
