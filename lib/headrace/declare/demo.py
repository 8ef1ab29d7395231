"""A demo: what ``headrace demo`` runs to show a use case from delivery to scores."""

from __future__ import annotations

import datetime as dt

from pydantic.dataclasses import dataclass

from headrace.days import DayRange
from headrace.declare.origin import STRICT, Declared
from headrace.errors import ConfigError


@dataclass(frozen=True, config=STRICT)
class Demo(Declared):
    """One pass through the whole line: deliver, land, build, train, gate, promote, score. A use case has at most one.

    Args:
        deliver: ``module:function`` in the use case; called with the inbox, it writes the feeds' files there.
        days: the days to land and build, such as ``2026-01-01..2026-01-31``.
        table: the table to build, with everything that it is made from.
        model: the model to train and to score with.
        train_on: the day on which the model is trained, such as ``2026-01-31``; its windows end the day before.
        score: the days to score, such as ``2026-01-31``.
    """

    deliver: str
    days: str
    table: str
    model: str
    train_on: str
    score: str

    def __post_init__(self) -> None:
        try:
            for text in (self.days, self.score):
                DayRange.parse(text)
        except ConfigError as wrong:
            raise ValueError(str(wrong)) from None
        try:
            dt.date.fromisoformat(self.train_on)
        except ValueError:
            raise ValueError(f"train_on {self.train_on!r} is not a day: write it as 2026-01-31") from None
        if DayRange.parse(self.score).last < dt.date.fromisoformat(self.train_on):
            raise ValueError(
                f"nothing would be scored: {self.score} is before {self.train_on}, from which the model counts"
            )
