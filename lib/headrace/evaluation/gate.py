"""Decide whether a challenger may become champion, and say why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headrace.config import Evaluation as Settings
from headrace.declare import baselines
from headrace.declare.model import Gate
from headrace.errors import GateRefusedError
from headrace.evaluation import metrics
from headrace.evaluation.bootstrap import F64, Metric, interval, resampled, resampled_days
from headrace.evaluation.histogram import Histogram, Histograms
from headrace.evaluation.verdict import Comparison, Difference, SliceFigure, Verdict

CHALLENGER, CHAMPION = "challenger", baselines.CHAMPION
METRICS: dict[str, Metric] = {"auc": metrics.auc, "average_precision": metrics.average_precision}
METRIC_TITLES = {"auc": "AUC", "average_precision": "average precision"}


def judge(gate: Gate, histograms: Histograms, settings: Settings, seed: int) -> Verdict:
    """Judge the model called ``challenger`` by the gate's declaration.

    The challenger passes if it is significantly better than each of ``gate.opponents``, and significantly worse than
    the champion in no slice. Its log loss must hold, too. Without a champion, only the baselines must be beaten, and
    slices are only reported.

    Intervals are paired bootstraps over days. The same seed gives the same intervals. Slices have wider ones:
    together they hold with the confidence of one (Bonferroni).

    Raises:
        GateRefusedError: the test window has a single day, or a baseline to beat was not measured.
    """
    absent = [name for name in gate.opponents if name != CHAMPION and name not in histograms.models]
    if absent:
        raise GateRefusedError(
            f"{', '.join(absent)} was not measured on the test window", "Fit it, or remove it from the gate"
        )
    if len(histograms.days) < 2:
        raise GateRefusedError("a test window of one day gives no interval", "Declare a longer test window")

    metric = METRICS[gate.metric]
    weights = resampled_days(len(histograms.days), settings.bootstrap_resamples, seed)
    ours = histograms.of(CHALLENGER)
    resamples = resampled(metric, ours, weights)
    others = [name for name in dict.fromkeys([CHAMPION, *gate.opponents, *gate.report]) if name in histograms.models]
    comparisons = []
    for name in others:
        theirs = histograms.of(name)
        between = interval(resamples - resampled(metric, theirs, weights), settings.confidence)
        difference = _difference(metric, ours, theirs, between)
        beaten = difference.significantly_better
        comparisons.append(
            Comparison(against=name, difference=difference, beaten=beaten, decides=name in gate.opponents)
        )
    # At 95%, one slice in forty of an equal model looks worse by chance. Bonferroni bounds the error of all together.
    joint = 1 - (1 - settings.confidence) / max(1, len(histograms.slices))
    slices = [_slice(metric, gate, histograms, of, weights, joint) for of in histograms.slices]
    losses = _losses(gate, histograms, weights, settings.confidence)
    passed = all(c.beaten for c in comparisons if c.decides) and not losses and not any(s.worse for s in slices)
    title, figure = METRIC_TITLES[gate.metric], total(metric, ours)
    return Verdict(
        passed=passed,
        sentence=_sentence(title, figure, comparisons, losses, slices, settings.confidence),
        metric=gate.metric,
        confidence=settings.confidence,
        comparisons=tuple(comparisons),
        slices=tuple(slices),
    )


def total(metric: Metric, of: Histogram) -> float:
    """The metric over all days."""
    return float(metric(of.positives.sum(axis=0), of.negatives.sum(axis=0)))


def _difference(metric: Metric, ours: Histogram, theirs: Histogram, between: tuple[float, float]) -> Difference:
    return Difference(ours=total(metric, ours), theirs=total(metric, theirs), lower=between[0], upper=between[1])


def _losses(gate: Gate, histograms: Histograms, weights: F64, confidence: float) -> list[str]:
    """Why the challenger's probabilities are worse than its opponents'; empty if they are not."""
    ours, found = histograms.of(CHALLENGER), []
    for name in (n for n in (CHAMPION, baselines.BASE_RATE) if n in gate.opponents and n in histograms.models):
        theirs = histograms.of(name)
        rows = weights @ (theirs.positives + theirs.negatives).sum(axis=1)
        lower, _ = interval(weights @ (ours.loss - theirs.loss) / rows, confidence)
        mean, of_theirs = (float(of.loss.sum() / (of.positives + of.negatives).sum()) for of in (ours, theirs))
        if lower > 0 or (name == baselines.BASE_RATE and mean >= of_theirs):
            found.append(f"its log loss of {mean:.4f} is worse than {_possessive(name)} {of_theirs:.4f}")
    return found


def _slice(
    metric: Metric, gate: Gate, histograms: Histograms, of: tuple[str, str], weights: F64, confidence: float
) -> SliceFigure:
    column, value = of
    ours = histograms.of(CHALLENGER, column, value)
    resamples = resampled(metric, ours, weights)
    lower, upper = interval(resamples, confidence)
    difference = None
    if CHAMPION in histograms.models:
        theirs = histograms.of(CHAMPION, column, value)
        between = interval(resamples - resampled(metric, theirs, weights), confidence)
        difference = _difference(metric, ours, theirs, between)
    return SliceFigure(
        column=column,
        value=value,
        rows=int(np.sum(ours.positives) + np.sum(ours.negatives)),
        positives=int(np.sum(ours.positives)),
        ours=total(metric, ours),
        lower=lower,
        upper=upper,
        champion=difference,
        worse=difference is not None and difference.significantly_worse and CHAMPION in gate.opponents,
    )


def _sentence(
    metric: str,
    ours: float,
    comparisons: Sequence[Comparison],
    losses: Sequence[str],
    slices: Sequence[SliceFigure],
    confidence: float,
) -> str:
    figure = f"its {metric} of {ours:.3f}"
    deciding = [c for c in comparisons if c.decides]
    unbeaten = [c for c in deciding if not c.beaten]
    worse = [s for s in slices if s.worse]
    against = {c.against for c in deciding}
    if not unbeaten and not losses and not worse:
        beaten = _listed([f"{_possessive(c.against)} {c.difference.theirs:.3f}" for c in deciding])
        beats = f"{figure} is significantly better than {beaten}" if deciding else f"{figure} has nothing to beat"
        if CHAMPION in against:
            return f"The challenger passes: {beats}{', and it is worse in no slice' if slices else ''}."
        measured = any(c.against == CHAMPION for c in comparisons)
        none = "the champion does not count" if measured else "there is no champion yet"
        return f"The challenger passes: {beats}; {none}."
    reasons = []
    if unbeaten:
        short = [
            f"{_possessive(c.against)} {c.difference.theirs:.3f} ({_with_interval(c.difference, confidence)})"
            for c in unbeaten
        ]
        reasons.append(f"{figure} is not significantly better than {_listed(short)}")
    reasons += losses
    if worse:
        named = [f"{s.column} {s.value}" for s in worse[:3]]
        more = [f"{len(worse) - 3} more"] if len(worse) > 3 else []
        reasons.append(f"it is worse than the champion for {_listed(named + more)}")
    return f"The challenger is refused: {', and '.join(reasons)}."


def _with_interval(difference: Difference, confidence: float) -> str:
    return f"{difference.value:+.4f}, {confidence:.0%} interval {difference.lower:+.4f} to {difference.upper:+.4f}"


def _possessive(name: str) -> str:
    title = baselines.BASELINES[name].title if name in baselines.BASELINES else f"the {name}"
    return f"{title}'s"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
