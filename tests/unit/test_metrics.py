"""Figures from counts agree with scikit-learn and with plain arithmetic on the rows."""

from __future__ import annotations

import numpy as np
import pytest
from headrace.evaluation import metrics
from headrace.evaluation.bootstrap import interval, resampled, resampled_days
from headrace.evaluation.histogram import BINS, Histogram, bin_edges
from numpy.testing import assert_allclose
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve


def scored(rows: int, mean: float, spread: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities with normal log-odds, and labels drawn by them."""
    random = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-random.normal(mean, spread, rows)))
    return p, (random.random(rows) < p).astype(int)


def counts(p: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    where = np.searchsorted(bin_edges(), p, side="right") - 1
    positives, rows, probability = (np.bincount(where, w, minlength=BINS) for w in (label, np.ones(len(p)), p))
    return positives, rows - positives, probability


@pytest.mark.parametrize(("mean", "spread"), [(-1.3, 0.8), (-5.0, 1.5), (0.0, 2.5)])
def test_auc_and_average_precision_are_those_of_the_rows(mean: float, spread: float) -> None:
    p, label = scored(60_000, mean, spread)
    positives, negatives, _ = counts(p, label)
    assert metrics.auc(positives, negatives) == pytest.approx(roc_auc_score(label, p), abs=1e-4)
    expected = average_precision_score(label, p)
    assert metrics.average_precision(positives, negatives) == pytest.approx(expected, abs=5e-4)


def test_a_constant_score_has_auc_one_half_and_the_base_rate_as_average_precision() -> None:
    positives, negatives = np.zeros(BINS), np.zeros(BINS)
    positives[300], negatives[300] = 2_000, 8_000
    assert metrics.auc(positives, negatives) == 0.5
    assert metrics.average_precision(positives, negatives) == pytest.approx(0.2, abs=1e-3)


def test_a_perfect_ranking_of_few_rows_scores_one() -> None:
    positives, negatives = np.zeros(BINS), np.zeros(BINS)
    negatives[10], positives[1000] = 3, 1
    assert metrics.auc(positives, negatives) == 1
    assert metrics.average_precision(positives, negatives) == 1


def test_calibration_error_is_that_of_equal_groups_of_sorted_rows() -> None:
    p, label = scored(60_000, -1.3, 0.8)
    p = p**1.3  # no longer calibrated
    groups = np.array_split(np.argsort(p), metrics.CALIBRATION_BINS)
    expected = np.average([abs(p[g].mean() - label[g].mean()) for g in groups], weights=[len(g) for g in groups])
    found = metrics.calibration(*counts(p, label))
    assert metrics.expected_calibration_error(found) == pytest.approx(expected, abs=1e-3)
    assert_allclose(found.rows, len(p) / metrics.CALIBRATION_BINS, rtol=0.1)


def test_curves_pass_through_the_points_of_the_rows() -> None:
    p, label = scored(60_000, -1.3, 0.8)
    positives, negatives, _ = counts(p, label)
    x, y = metrics.roc(positives, negatives)
    assert_allclose(y, np.interp(x, *roc_curve(label, p)[:2]), atol=2e-3)
    recall, precision = metrics.precision_recall(positives, negatives)
    exact = precision_recall_curve(label, p)
    found = recall > 0.05
    assert_allclose(precision[found], np.interp(recall[found], exact[1][::-1], exact[0][::-1]), atol=5e-3)


def test_rebinned_counts_keep_their_sum_and_their_place() -> None:
    moved = metrics.rebinned(np.array([4.0, 8.0]), np.array([0, 0.5, 1]), np.array([0, 0.25, 0.5, 1]))
    assert moved.tolist() == [2, 2, 8]


def by_day(days: int, noise: float, seed: int) -> tuple[Histogram, Histogram]:
    """Two models on the same days. Some days are much harder for both; the second model has worse scores."""
    random = np.random.default_rng(seed)
    ours, theirs = [], []
    for difficulty in random.uniform(0.2, 2.5, days):
        truth = random.normal(-1, 1, 400)
        label = (random.random(400) < 1 / (1 + np.exp(-truth))).astype(int)
        seen = truth + random.normal(0, difficulty, 400)
        ours.append(counts(1 / (1 + np.exp(-seen)), label))
        theirs.append(counts(1 / (1 + np.exp(-(seen + random.normal(0, noise, 400)))), label))
    first, second = (
        Histogram(
            np.stack([d[1] for d in of]), np.stack([d[0] for d in of]), np.stack([d[2] for d in of]), np.zeros(days)
        )
        for of in (ours, theirs)
    )
    return first, second


def test_a_resample_is_the_same_as_repeating_its_days() -> None:
    of, _ = by_day(6, 0.5, seed=2)
    weights = resampled_days(6, 100, seed=3)
    assert (weights.sum(axis=1) == 6).all()
    chosen = np.repeat(np.arange(6), weights[17].astype(int))
    expected = metrics.auc(of.positives[chosen].sum(axis=0), of.negatives[chosen].sum(axis=0))
    assert resampled(metrics.auc, of, weights)[17] == pytest.approx(float(expected), abs=1e-12)


def test_pairing_makes_the_interval_of_a_difference_narrower() -> None:
    ours, theirs = by_day(40, 0.3, seed=1)
    same, other = resampled_days(40, 1000, seed=1), resampled_days(40, 1000, seed=2)
    first = resampled(metrics.auc, ours, same)
    paired = interval(first - resampled(metrics.auc, theirs, same), 0.95)
    unpaired = interval(first - resampled(metrics.auc, theirs, other), 0.95)
    assert paired[0] > 0  # so small a difference is seen only when the hard days drop out
    assert unpaired[0] < 0
    assert interval(first - resampled(metrics.auc, theirs, resampled_days(40, 1000, seed=1)), 0.95) == paired


@pytest.mark.slow
def test_the_interval_covers_the_true_difference_as_often_as_it_says() -> None:
    truth = np.mean([float(_total(ours) - _total(theirs)) for ours, theirs in (by_day(400, 0.6, s) for s in range(5))])
    covered = 0
    for seed in range(60):
        ours, theirs = by_day(30, 0.6, seed=100 + seed)
        weights = resampled_days(30, 400, seed=seed)
        lower, upper = interval(
            resampled(metrics.auc, ours, weights) - resampled(metrics.auc, theirs, weights), confidence=0.9
        )
        covered += lower <= truth <= upper
    assert 0.75 <= covered / 60 <= 1


def _total(of: Histogram) -> np.ndarray:
    return metrics.auc(of.positives.sum(axis=0), of.negatives.sum(axis=0))
