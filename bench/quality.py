"""The quality of the declared model on October to December, the mean of three seeds, beside LightGBM and logistic.

Each seed is a training as a job runs it: epochs chosen on September, refitted on January to September. The baselines
are fitted on the same features and days. Nothing is gated here: the figures are what counts.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from collections.abc import Sequence
from statistics import mean
from typing import Any

from headrace.declare import Days, Gate
from headrace.registry import verdicts
from headrace.stages.job import Job
from headrace.stages.train import train_model

from bench.lake import MODEL, year_built
from bench.result import Result, cores

SEEDS = (1, 2, 3)
ON = dt.date(2014, 1, 1)
WINDOW = Days(train=243, validate=30, test=92)
GATE = Gate("auc", report=["lightgbm", "logistic"])
FIGURES = ("auc", "average_precision", "log_loss", "ece")
LEAST_AUC, MOST_ECE = 0.72, 0.04


def run(seeds: Sequence[int] = SEEDS, window: Days = WINDOW, on: dt.date = ON) -> Result:
    """Measure; figures are means over the seeds."""
    year = year_built()
    for folder in (year.config.models, year.config.work / "training"):
        shutil.rmtree(folder, ignore_errors=True)  # what an earlier code trained does not count
    each = [_figures(_with_seed(year, window, seed), on) for seed in seeds]
    ours, trees, logistic = ({f: mean(e[name][f] for e in each) for f in FIGURES}
                             for name in ("challenger", "lightgbm", "logistic"))  # fmt: skip
    return Result(
        id="quality",
        what=f"AUC of {MODEL}, mean of seeds {', '.join(map(str, seeds))} / LightGBM's, same features and days",
        ours=round(ours["auc"], 4),
        peer=round(trees["auc"], 4),
        unit="AUC",
        ratio=round(ours["auc"] / trees["auc"], 4),
        aim=f"AUC >= {LEAST_AUC} and LightGBM's, ECE <= {MOST_ECE}",
        met=ours["auc"] >= max(LEAST_AUC, trees["auc"]) and ours["ece"] <= MOST_ECE,
        cores=cores(),
        rows=each[0]["challenger"]["rows"],
        windows=[str(days) for days in window.before(on)],
        **_rounded(ours),
        lightgbm=_rounded(trees),
        logistic=_rounded(logistic),
        seeds={seed: _rounded(e["challenger"]) for seed, e in zip(seeds, each, strict=True)},
    )


def _with_seed(year: Job, window: Days, seed: int) -> Job:
    """The same lake with another window and seed; there is nothing that the model must beat."""
    model = dataclasses.replace(year.use_case.model(MODEL), window=window, gate=GATE)
    use_case = dataclasses.replace(year.use_case, models={MODEL: model})
    training = year.config.training.model_copy(update={"seed": seed})
    return Job(year.config.model_copy(update={"training": training}), use_case)


def _figures(job: Job, on: dt.date) -> dict[str, dict[str, Any]]:
    """Each model's figures on the test days, by its name."""
    verdict = verdicts.latest_verdict(train_model(job, MODEL, on, promote=False))
    assert verdict is not None  # every training ends with one
    figures: dict[str, dict[str, Any]] = verdict.evaluation["figures"]
    return figures


def _rounded(figures: dict[str, Any]) -> dict[str, float]:
    return {name: round(figures[name], 4) for name in FIGURES}
