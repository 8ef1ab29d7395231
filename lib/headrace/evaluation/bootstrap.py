"""Confidence intervals by resampling whole days (the cluster bootstrap).

Rows of one day share its conditions, so they are not independent; days nearly are. Resampling rows would give intervals
that are too narrow. A resample therefore draws as many days as the window has, with replacement, and takes all their
rows. Source: Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8.

All models are measured on the same resamples. A day that is hard for one model is hard for the other, so its difficulty
cancels out of their difference.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from headrace.evaluation.histogram import Histogram

F64 = npt.NDArray[np.float64]
Metric = Callable[[F64, F64], F64]


def resampled_days(days: int, resamples: int, seed: int) -> F64:
    """How often each resample contains each day, [resamples, days]; every row sums to ``days``."""
    drawn = np.random.default_rng(seed).multinomial(days, np.full(days, 1 / days), size=resamples)
    return drawn.astype(np.float64)


def resampled(metric: Metric, of: Histogram, weights: F64) -> F64:
    """The metric of each resample, [resamples]."""
    some = (of.positives + of.negatives).any(axis=0)
    return metric(weights @ of.positives[:, some], weights @ of.negatives[:, some])


def interval(values: F64, confidence: float) -> tuple[float, float]:
    """The percentile interval of resampled values. Undefined values (a resample without positives) are left out."""
    outside = 100 * (1 - confidence) / 2
    lower, upper = np.nanpercentile(values, [outside, 100 - outside])
    return float(lower), float(upper)
