"""Evaluate a challenger: its figures, its curves and the gate's verdict, in one record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
from pyspark.sql import DataFrame

from headrace.config import Evaluation as Settings
from headrace.declare.model import Model
from headrace.evaluation import metrics
from headrace.evaluation.gate import CHALLENGER, CHAMPION, judge
from headrace.evaluation.histogram import Histogram, Histograms, bin_edges, counted, score_column
from headrace.evaluation.verdict import Verdict
from headrace.frozen import FrozenModel
from headrace.scoring.prediction import Loader, with_scores

Points = tuple[float, ...]

SCORE_BINS = 50


class Figures(FrozenModel):
    """A model on the test days.

    ``log_loss`` is in nats a row; ``ece`` is the expected calibration error over 15 bins of equal mass.
    """

    rows: int
    positives: int
    auc: float
    average_precision: float
    log_loss: float
    ece: float


class Curves(FrozenModel):
    """The curves that the report draws, as pairs of coordinates.

    ``scores`` counts negatives and positives in 50 score bins of equal width.
    """

    roc: tuple[Points, Points]
    precision_recall: tuple[Points, Points]
    calibration: tuple[Points, Points]
    scores: tuple[Points, Points]


class Evaluation(FrozenModel):
    """All models on the same days. The keys of ``figures`` and ``curves`` are models."""

    model: str
    first_day: dt.date
    last_day: dt.date
    seed: int
    resamples: int
    min_slice_positives: int
    figures: dict[str, Figures]
    curves: dict[str, Curves]
    verdict: Verdict


def evaluate(
    frame: DataFrame, model: Model, loaders: Mapping[str, Loader], settings: Settings, seed: int
) -> Evaluation:
    """Score the test days with every model in one pass, measure each model, and judge the challenger.

    Args:
        frame: the training frame of the test days.
        model: the declaration; its gate says which models are compared.
        loaders: ``challenger``, ``champion`` if there is one, and the baselines.
        settings: resamples, confidence, and how many positives a slice needs.
        seed: the seed of the bootstrap.

    Raises:
        TrainingDivergedError: a model gave a score that is not a probability.
        GateRefusedError: the days cannot be judged on, or ``loaders`` lacks a baseline to beat.
    """
    day, slices = model.table.day, model.gate.slices
    columns = {score_column(name): loader for name, loader in loaders.items()}
    scores = with_scores(frame, columns, ["label", day, *slices])
    sliced, enough = [CHALLENGER, CHAMPION], settings.min_slice_positives
    histograms = counted(scores, list(loaders), day, slices=slices, sliced=sliced, min_positives=enough)
    return summarised(model, histograms, settings, seed)


def summarised(model: Model, histograms: Histograms, settings: Settings, seed: int) -> Evaluation:
    """Measure every model on its histogram, and judge the challenger."""
    by_model = {name: histograms.of(name) for name in histograms.models}
    return Evaluation(
        model=model.name,
        first_day=histograms.days[0],
        last_day=histograms.days[-1],
        seed=seed,
        resamples=settings.bootstrap_resamples,
        min_slice_positives=settings.min_slice_positives,
        figures={name: figures(of) for name, of in by_model.items()},
        curves={name: curves(of) for name, of in by_model.items()},
        verdict=judge(model.gate, histograms, settings, seed),
    )


def figures(of: Histogram) -> Figures:
    """The figures of one model over all days."""
    positives, negatives = of.positives.sum(axis=0), of.negatives.sum(axis=0)
    rows = positives.sum() + negatives.sum()
    calibration = metrics.calibration(positives, negatives, of.probability.sum(axis=0))
    return Figures(
        rows=int(rows),
        positives=int(positives.sum()),
        auc=float(metrics.auc(positives, negatives)),
        average_precision=float(metrics.average_precision(positives, negatives)),
        log_loss=float(of.loss.sum() / rows),
        ece=metrics.expected_calibration_error(calibration),
    )


def curves(of: Histogram) -> Curves:
    """The curves of one model over all days."""
    positives, negatives = of.positives.sum(axis=0), of.negatives.sum(axis=0)
    calibration = metrics.calibration(positives, negatives, of.probability.sum(axis=0))
    edges, even = bin_edges(), np.linspace(0, 1, SCORE_BINS + 1)
    by_label = [metrics.rebinned(counts, edges, even) for counts in (negatives, positives)]
    return Curves(
        roc=_points(*metrics.roc(positives, negatives)),
        precision_recall=_points(*metrics.precision_recall(positives, negatives)),
        calibration=_points(calibration.predicted, calibration.observed),
        scores=_points(*by_label),
    )


def _points(x: metrics.F64, y: metrics.F64) -> tuple[Points, Points]:
    return tuple(x.round(6).tolist()), tuple(y.round(6).tolist())
