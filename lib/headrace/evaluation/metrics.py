"""Figures and curves of a binary classifier, from counts of its scores.

The last axis of all counts is the score bin, the lowest scores first. `auc` and `average_precision` keep the other
axes: one call measures a thousand resamples. A figure that the counts leave undefined is NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

CALIBRATION_BINS = 15


class Calibration(NamedTuple):
    """Groups of rows with similar scores: mean probability, share of positives, and number of rows of each group."""

    predicted: F64
    observed: F64
    rows: F64


def auc(positives: F64, negatives: F64) -> F64:
    """Area under the ROC curve: the share of pairs in which the positive scores higher. A tie counts half.

    Source: Hanley and McNeil, "The meaning and use of the area under a ROC curve", Radiology 143 (1982). Rows of one
    bin are ties, which changes the figure by less than 1e-4 with 1024 bins.
    """
    below = np.cumsum(negatives, axis=-1) - negatives
    won = (positives * (below + negatives / 2)).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(won / (positives.sum(axis=-1) * negatives.sum(axis=-1)))


def average_precision(positives: F64, negatives: F64) -> F64:
    """Mean precision at the positives, ranked by falling score.

    Rows of one bin have no order, so the positive's place ``u`` in its bin is uniform between 0 and 1. Its expected
    precision is the integral of this ratio over ``u``::

        (tp + 1 + u (a - 1)) / (n + 1 + u (m - 1))

    Of the ``n`` rows above the bin ``tp`` are positive, and of the ``m`` rows inside ``a`` are.

    Source: the interpolation of Davis and Goadrich, "The relationship between precision-recall and ROC curves", ICML
    2006.
    """
    a, m = positives[..., ::-1], (positives + negatives)[..., ::-1]
    tp, n = np.cumsum(a, axis=-1) - a + 1, np.cumsum(m, axis=-1) - m + 1
    others = np.maximum(m - 1, 1e-9)  # a bin with one row has no other row: the integrand is constant
    slope = (a - 1) / others
    precision = np.where(m > 1, slope + (tp - n * slope) / others * np.log1p(others / n), tp / n)
    with np.errstate(invalid="ignore"):
        return np.asarray((a * precision).sum(axis=-1) / a.sum(axis=-1))


def calibration(positives: F64, negatives: F64, probability: F64, bins: int = CALIBRATION_BINS) -> Calibration:
    """Predicted and observed probability in ``bins`` groups of equally many rows, as far as the score bins allow.

    Groups of equal mass rather than equal width are never too small for an estimate. Source: Nixon et al., "Measuring
    calibration in deep learning", CVPR workshops 2019.
    """
    rows = positives + negatives
    place = (np.cumsum(rows) - rows / 2) / rows.sum()  # the share of rows below the middle of a bin
    group = np.minimum((place * bins).astype(np.int64), bins - 1)
    n, hits, expected = (np.bincount(group, weights=w, minlength=bins) for w in (rows, positives, probability))
    some = n > 0
    return Calibration(expected[some] / n[some], hits[some] / n[some], n[some].astype(np.float64))


def expected_calibration_error(of: Calibration) -> float:
    """Mean distance between predicted and observed probability over all rows; 0 is perfect.

    Source: Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
    """
    return float(np.average(np.abs(of.predicted - of.observed), weights=of.rows))


def roc(positives: F64, negatives: F64) -> tuple[F64, F64]:
    """False and true positive rate at falling thresholds, from (0, 0) to (1, 1)."""
    some = (positives + negatives) > 0
    rates = [np.r_[0.0, np.cumsum(counts[some][::-1]) / counts.sum()] for counts in (negatives, positives)]
    return rates[0], rates[1]


def precision_recall(positives: F64, negatives: F64) -> tuple[F64, F64]:
    """Recall and precision at falling thresholds; recall rises to 1."""
    some = (positives + negatives) > 0
    found, named = (np.cumsum(counts[some][::-1]) for counts in (positives, positives + negatives))
    return found / positives.sum(), found / named


def rebinned(counts: F64, edges: F64, onto: F64) -> F64:
    """Counts of the bins between ``edges``, spread evenly over the bins between ``onto``; both have the same ends."""
    return np.diff(np.interp(onto, edges, np.r_[0.0, np.cumsum(counts)]))
