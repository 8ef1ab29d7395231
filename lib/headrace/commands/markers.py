"""Marks on the fields of a command: how the field is written as an argument, and what its value means."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator

from headrace.days import DayRange
from headrace.errors import ConfigError


@dataclass(frozen=True)
class Argument:
    """A positional argument."""

    help: str


@dataclass(frozen=True)
class Option:
    """An option. ``flag`` is ``--`` and the field's name, unless it is given."""

    help: str
    flag: str = ""


@dataclass(frozen=True)
class Declared:
    """The value is a name, or names, that the use case must declare."""

    kind: Literal["feed", "table", "model", "published"]


@dataclass(frozen=True)
class FromRun:
    """A person must give the value; a DAG may leave it empty, and gets it from its run.

    ``what`` is ``day`` (the run's day) or ``week_end`` (the day after the run's week).
    """

    what: Literal["day", "week_end"]


def is_template(text: str) -> bool:
    """Whether Airflow has yet to render the text. Its value is checked after that."""
    return "{{" in text or "{%" in text


def _day_range(text: str) -> str:
    return text if not text or is_template(text) else str(DayRange.parse(text))


def _day(text: str) -> str:
    if not text or is_template(text):
        return text
    try:
        return str(dt.date.fromisoformat(text))
    except ValueError:
        raise ConfigError(f"{text!r} is not a day", "Write it as 2026-01-31") from None


def _version(text: str) -> str:
    if is_template(text) or text.isdecimal():
        return text
    raise ConfigError(f"{text!r} is not the number of a version", "Write a number, such as 2")


Days = Annotated[
    str, AfterValidator(_day_range), Option("A day, or a closed range of days: 2026-01-01..2026-01-07"), FromRun("day")
]
OptionalDays = Annotated[
    str, AfterValidator(_day_range), Option("A day, or a closed range of days; a reference feed has none")
]
Day = Annotated[str, AfterValidator(_day), FromRun("week_end")]
VersionNumber = Annotated[str, AfterValidator(_version)]
TableName = Annotated[str, Argument("schema.table"), Declared("table")]
ModelName = Annotated[str, Argument("schema.model"), Declared("model")]
