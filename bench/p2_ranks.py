"""P2: rows/s of two ranks that train together on two cores, beside twice one rank on one core."""

from __future__ import annotations

from statistics import median
from typing import NamedTuple

from headrace.evaluation.report import PARTS

from bench import ranks
from bench.lake import year_built
from bench.ranks import COPIES, launched, shards_of_copies
from bench.result import Result, cores

TURNS, EPOCHS = 2, 2
AIM, SAME_LOSS = 0.85, 0.0005


class Way(NamedTuple):
    """So many ranks on so many cores."""

    ranks: int
    cores: int


ONE, FREE, TWO = Way(1, 1), Way(1, 2), Way(2, 2)


def run(copies: int = COPIES, turns: int = TURNS, epochs: int = EPOCHS) -> Result:
    """Measure; rates are medians over the epochs of all launches."""
    context = year_built()
    files, encoder = shards_of_copies(context, copies)
    validate, settings = ranks.validation(context, encoder), context.config.training
    found: dict[Way, list[dict[str, float]]] = {ONE: [], FREE: [], TWO: []}
    for _ in range(turns):
        for way, figures in found.items():
            arguments = [files, validate, encoder, settings, way.cores, epochs]
            figures.extend(launched(context, ranks.epochs, arguments, way.ranks)[0])
            print(f"  {way}  {figures[-1]['rows_per_second']:,.0f} rows/s", flush=True)
    one, free, two = (median(epoch["rows_per_second"] for epoch in figures) for figures in found.values())
    losses = [figures[-1]["validation_loss"] for figures in found.values()]
    apart = max(losses) - min(losses)
    return Result(
        id="P2",
        what="training of two ranks on two cores / twice one rank on one core",
        ours=round(two),
        peer=round(2 * one),
        unit="rows/s",
        ratio=round(two / (2 * one), 3),
        aim=f">= {AIM}, losses within {SAME_LOSS}",
        met=two / (2 * one) >= AIM and apart <= SAME_LOSS,
        cores=cores(),
        rows=files.rows,
        batch_size=settings.batch_size,
        one_rank_on_two_cores=round(free),
        validation_losses=[round(loss, 6) for loss in losses],
        epochs={
            f"{way.ranks} on {way.cores}": [round(epoch["rows_per_second"]) for epoch in figures]
            for way, figures in found.items()
        },
        of_a_step={part: round(median(epoch[part] / epoch["seconds"] for epoch in found[TWO]), 3) for part in PARTS},
    )
