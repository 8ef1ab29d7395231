"""What a job is asked to do, for a person's command and a DAG's task alike: the stage, and its arguments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from headrace.days import DayRange

THEN = "--then"
DAYS = ("--days", "--on")


@dataclass(frozen=True)
class Command:
    """A stage with its arguments. ``of`` is the table, model or feeds that it is about."""

    stage: str
    of: str
    arguments: tuple[str, ...]

    @property
    def file(self) -> str:
        return f"jobs/{self.stage}.py"


def land(days: str, feeds: Iterable[str] = ()) -> Command:
    feeds = list(feeds)
    chosen = [part for feed in feeds for part in ("--feed", feed)]
    return Command("land", ", ".join(feeds) or "all feeds", ("--days", days, *chosen))


def build(table: str, days: str, *, catch_up: bool = False) -> Command:
    return Command("build", table, (table, "--days", days, *(["--catch-up"] if catch_up else [])))


def train(model: str, on: str, *, promote: bool = True) -> Command:
    return Command("train", model, (model, "--on", on, *([] if promote else ["--no-promote"])))


def promote(model: str, version: str, *, reason: str = "passed the gate") -> Command:
    return Command("promote", model, (model, version, "--reason", reason))


def score(model: str, days: str, version: str = "champion", *, catch_up: bool = False) -> Command:
    """``version`` is a number, or ``champion``."""
    chosen = ("--days", days, "--version", version, *(["--catch-up"] if catch_up else []))
    return Command("score", model, (model, *chosen))


def maintain(tables: Iterable[str] = ()) -> Command:
    tables = list(tables)
    return Command("maintain", ", ".join(tables) or "all tables", tuple(tables))


def alive(stage: str, within_hours: float) -> Command:
    return Command("alive", stage, (stage, "--within-hours", f"{within_hours:g}"))


def in_one(first: Command, *others: Command) -> Command:
    """Several stages in one application, one after the other: the JVM starts once."""
    arguments = [first.stage, *first.arguments]
    for each in others:
        arguments += [THEN, each.stage, *each.arguments]
    return Command("run", "; ".join(f"{c.stage} {c.of}" for c in (first, *others)), tuple(arguments))


def split(arguments: Iterable[str]) -> list[list[str]]:
    """The arguments of ``in_one``, taken apart again: a stage and its own arguments in each."""
    parts: list[list[str]] = [[]]
    for argument in arguments:
        if argument == THEN:
            parts.append([])
        else:
            parts[-1].append(argument)
    return parts


def check(arguments: Iterable[str]) -> None:
    """Look at what a command says of days, before a job is started with it.

    Raises:
        ConfigError: something is no day, or no range of days.
    """
    for flag, value in pairwise(arguments):
        if flag in DAYS:
            DayRange.parse(value)
