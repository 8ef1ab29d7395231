"""The baselines that a gate can name: one entry here and one class make a baseline.

The entry says how sentences and charts call it, and which class implements it. The class derives from
`headrace.evaluation.baselines.model.BaselineModel`; it is imported inside the job, where a model is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.hints import nearest

CHAMPION, BASE_RATE = "champion", "base_rate"  # always in a gate, unless it says otherwise


@dataclass(frozen=True)
class Baseline:
    """How a baseline is called, and what implements it.

    Args:
        title: its name inside a sentence.
        label: its name in the legend of a chart and in a table.
        implementation: ``module:Class``.
        constant: whether it gives every row the same score. Charts draw its precision as a level line.
    """

    title: str
    label: str
    implementation: str
    constant: bool = False


# The order decides colours, dashes and rows of the report.
BASELINES: dict[str, Baseline] = {
    "logistic": Baseline("logistic regression", "logistic", "headrace.evaluation.baselines.logistic:Logistic"),
    "lightgbm": Baseline("LightGBM", "LightGBM", "headrace.evaluation.baselines.gradient_boosting:GradientBoosting"),
    BASE_RATE: Baseline(
        "the base rate", "base rate", "headrace.evaluation.baselines.base_rate:BaseRate", constant=True
    ),
}


def known_baselines(names: Sequence[str]) -> list[str]:
    """The same names, if all are baselines.

    Raises:
        ValueError: a name is not registered; the message offers the nearest name.
    """
    return _known(names, [*BASELINES])


def known_opponents(names: Sequence[str]) -> list[str]:
    """The same names, if each is a baseline or ``champion``.

    Raises:
        ValueError: a name is neither; the message offers the nearest name.
    """
    return _known(names, [CHAMPION, *BASELINES])


def _known(names: Sequence[str], known: Sequence[str]) -> list[str]:
    for name in names:
        if name not in known:
            raise ValueError(f"no baseline is called {name!r}. {nearest(name, known)}")
    return list(names)
