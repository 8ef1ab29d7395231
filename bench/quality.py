"""The quality of the declared model on October to December, the mean of three seeds, beside LightGBM and logistic.

Each seed is a training as a job runs it. The epochs are chosen on September, and the network is fitted again on January
to September. The baselines are fitted on the same features and days. There is no gate here; only the figures count.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from statistics import mean
from typing import Any

from headrace.commands import Train
from headrace.days import DayRange
from headrace.declare import Days, Gate
from headrace.stages.context import StageContext
from headrace.stages.train import train_model

from bench.lake import MODEL, on_disk, with_model, year_built
from bench.result import Result, cores

SEEDS = (1, 2, 3)
ON = "2014-01-01"
WINDOW = Days(train=243, validate=30, test=92)
GATE = Gate("auc", without=["champion"], report=["lightgbm", "logistic"])
FIGURES = ("auc", "average_precision", "log_loss", "ece")
MIN_AUC, MAX_ECE = 0.72, 0.04


def run(seeds: Sequence[int] = SEEDS, window: Days = WINDOW, on: str = ON) -> Result:
    """Measure; figures are means over the seeds."""
    year = year_built()
    for folder in (year.layout.models, year.layout.trainings):
        shutil.rmtree(
            on_disk(folder), ignore_errors=True
        )  # models that an earlier state of the code trained do not count
    by_seed = {seed: _figures(with_model(year, window, GATE, seed=seed), on) for seed in seeds}
    ours, trees, logistic = ({f: mean(figures[name][f] for figures in by_seed.values()) for f in FIGURES}
                             for name in ("challenger", "lightgbm", "logistic"))  # fmt: skip
    return Result(
        id="quality",
        what=f"AUC of {MODEL}, mean of seeds {', '.join(map(str, seeds))} / LightGBM's, same features and days",
        ours=round(ours["auc"], 4),
        peer=round(trees["auc"], 4),
        unit="AUC",
        ratio=round(ours["auc"] / trees["auc"], 4),
        aim=f"AUC >= {MIN_AUC} and LightGBM's, ECE <= {MAX_ECE}",
        met=ours["auc"] >= max(MIN_AUC, trees["auc"]) and ours["ece"] <= MAX_ECE,
        cores=cores(),
        rows=int(by_seed[seeds[0]]["challenger"]["rows"]),
        windows=[str(days) for days in window.before(DayRange.parse(on).first)],
        **_rounded(ours),
        lightgbm=_rounded(trees),
        logistic=_rounded(logistic),
        seeds={seed: _rounded(figures["challenger"]) for seed, figures in by_seed.items()},
    )


def _figures(context: StageContext, on: str) -> dict[str, dict[str, float]]:
    """The figures of each model on the test days, by the model's name."""
    return train_model(context, Train(MODEL, on, promote=False)).figures


def _rounded(figures: dict[str, Any]) -> dict[str, float]:
    return {name: round(figures[name], 4) for name in FIGURES}
