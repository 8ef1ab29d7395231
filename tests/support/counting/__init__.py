"""A stage that is not one of the platform's: its dataclass here, its function in ``stage.py``, its job in ``job.py``.

It is what ``CONTRIBUTING.md`` asks for, and nothing more.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from headrace.commands import Command
from headrace.commands.markers import Argument, Days, Declared, Option
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Count(Command):
    """Count the landed rows of a feed.

    Example: `headrace count orders --days 2026-01-31`
    """

    function: ClassVar[str] = "counting.stage:count_rows"

    feed: Annotated[str, Argument("The feed"), Declared("feed")]
    days: Days = ""
    at_least: Annotated[int, Option("Fail if there are fewer rows")] = 0
