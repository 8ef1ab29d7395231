"""A model: what it learns from, how, and what it must beat before it scores anything."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from headrace.days import ONE, DayRange
from headrace.declare.inputs import Input
from headrace.declare.origin import STRICT, Declared
from headrace.declare.table import Table


@dataclass(frozen=True, config=STRICT)
class Label(Declared):
    """Whether ``condition`` (Spark SQL) holds for the row of ``table`` with the same key; null: no label."""

    table: Table
    condition: str


@dataclass(frozen=True, config=STRICT)
class Days(Declared):
    """Three windows of whole days, one after the other, that end the day before training."""

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

    Args:
        metric: the figure that is compared; more is better.
        beat: it must be surely above each of these: the lower end of the interval of its figure minus theirs, from a
            paired bootstrap over days, is above 0. While there is no champion, ``champion`` asks for nothing.
        report: baselines that are measured beside it, and decide nothing.
        slices: columns; in none of their values with enough positives may it surely be below the champion: the upper
            end of the interval below 0.
    """

    metric: Literal["auc", "average_precision"] = "auc"
    beat: list[Literal["champion", "base_rate", "logistic"]] = Field(default_factory=list)
    report: list[Literal["lightgbm", "logistic", "base_rate"]] = Field(default_factory=list)
    slices: list[str] = Field(default_factory=list)


def _flat(inputs: list[Any]) -> list[Input]:
    """``[category("a", "b"), number("c")]`` is a list of lists."""
    flat = [one for group in inputs for one in (group if isinstance(group, list) else [group])]
    for one in flat:
        if not isinstance(one, Input):
            raise ValueError(f"{one!r} is no input: use category(), number() or cyclic()")
    return flat


@dataclass(frozen=True, config=STRICT)
class Model(Declared):
    """A binary classifier.

    Args:
        name: ``schema.model``; its scores are the table ``schema.model_scores``.
        table: the features; scoring takes their rows.
        label: ``table.label("arr_delay > 15")``.
        network: ``module:function`` in the use case; it takes the fitted encoder and returns a Keras model. It is
            resolved inside the job.
        inputs: how the network sees columns of the table.
        window: the days to train, validate and test on.
        gate: what it must beat.
        parallel: ``data`` gives each rank a part of the rows and a copy of the network; ``auto`` chooses, which today
            means ``data``.
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
        """The name of the table of its scores."""
        return f"{self.name}_scores"
