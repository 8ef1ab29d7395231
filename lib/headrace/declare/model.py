"""A model: what it learns from, how, and what it must beat before it scores anything."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from headrace.days import ONE, DayRange
from headrace.declare.baselines import BASE_RATE, CHAMPION, known_baselines, known_opponents
from headrace.declare.inputs import Input
from headrace.declare.origin import STRICT, Declared
from headrace.declare.table import Label, Table


@dataclass(frozen=True, config=STRICT)
class Days(Declared):
    """The lengths, in days, of three consecutive windows; the last one ends the day before training."""

    train: int = Field(gt=0)
    validate: int = Field(gt=0)
    test: int = Field(gt=0)

    def before(self, day: dt.date) -> tuple[DayRange, DayRange, DayRange]:
        """The windows to train, validate and test on for a training on ``day``."""
        test = DayRange(day - self.test * ONE, day - ONE)
        validate = DayRange(test.first - self.validate * ONE, test.first - ONE)
        train = DayRange(validate.first - self.train * ONE, validate.first - ONE)
        return train, validate, test


@dataclass(frozen=True, config=STRICT)
class Gate(Declared):
    """What a challenger must do on the test window to become champion.

    It must be significantly better than the champion, the base rate and all of ``beat``. That is, the interval of its
    figure minus their figure lies above 0, in a paired bootstrap over days. Its scores are published as probabilities.
    So its log loss must be below the base rate's, and not significantly above the champion's.

    Args:
        metric: the figure that is compared; more is better.
        beat: further names of `headrace.declare.baselines.BASELINES`. ``champion`` and ``base_rate`` may be named, too.
        without: ``champion`` or ``base_rate``, to leave it out of the gate. It then decides nothing.
        report: baselines that are measured and shown, and decide nothing.
        slices: columns. In none of their values with enough positives may the challenger be significantly worse than
            the champion. It is worse when the upper end of the interval is below 0.
    """

    metric: Literal["auc", "average_precision"] = "auc"
    beat: Annotated[list[str], AfterValidator(known_opponents)] = Field(default_factory=list)
    without: list[Literal["champion", "base_rate"]] = Field(default_factory=list)
    report: Annotated[list[str], AfterValidator(known_baselines)] = Field(default_factory=list)
    slices: list[str] = Field(default_factory=list)

    @property
    def opponents(self) -> list[str]:
        """All that a challenger must beat. While there is no champion, ``champion`` asks for nothing."""
        return [name for name in dict.fromkeys([CHAMPION, BASE_RATE, *self.beat]) if name not in self.without]

    @property
    def measured(self) -> list[str]:
        """The baselines that are fitted and measured."""
        return [name for name in dict.fromkeys([*self.opponents, *self.report]) if name != CHAMPION]


def _flat(inputs: list[Any]) -> list[Input]:
    """Flatten the inputs: ``category("a", "b")`` is a list, so ``[category("a", "b"), number("c")]`` is nested."""
    flat = [one for group in inputs for one in (group if isinstance(group, list) else [group])]
    for one in flat:
        if not isinstance(one, Input):
            raise ValueError(f"{one!r} is not an input: use category(), number() or cyclic()")
    return flat


@dataclass(frozen=True, config=STRICT)
class Model(Declared):
    """A binary classifier.

    Args:
        name: ``schema.model``; its scores are the table ``schema.model_scores``.
        table: the features; scoring takes their rows.
        label: what it predicts, such as ``orders.label("amount > 100")``.
        network: ``module:function`` in the use case. It takes the fitted encoder and returns a Keras model. It is
            imported inside the job.
        inputs: how the network sees columns of the table.
        window: the days to train, validate and test on.
        gate: what it must beat to become champion.
        parallel: ``data`` gives each rank a part of the rows and a copy of the network. ``auto`` lets the platform
            choose; it always chooses ``data`` today.
    """

    name: str
    table: Table
    label: Label
    network: str
    inputs: Annotated[list[Any], AfterValidator(_flat)]
    window: Days
    gate: Gate = Field(default_factory=Gate)
    parallel: Literal["auto", "data"] = "auto"

    @property
    def columns(self) -> list[str]:
        """The columns of the table that the network sees."""
        return [i.column for i in self.inputs]

    @property
    def scores(self) -> str:
        """The name of the table that holds its scores."""
        return f"{self.name}_scores"
