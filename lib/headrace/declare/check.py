"""A check: what must hold before rows are published."""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from headrace.declare.origin import STRICT, Declared


@dataclass(frozen=True, config=STRICT)
class Check(Declared):
    """Either a condition that each row must meet, or a suite that each day must meet as a whole.

    Args:
        condition: a Spark SQL expression. A row fails if it is false or raises an error, such as a division by zero.
            Null passes if a column that it reads is null, and fails otherwise.
        suite: a Great Expectations suite, a JSON file beside the declaration.
        on_fail: ``quarantine`` moves failing rows to the quarantine table with the reason. ``refuse`` publishes nothing
            of the day.
    """

    condition: str = ""
    suite: str = ""
    on_fail: Literal["quarantine", "refuse"] = "quarantine"

    def __post_init__(self) -> None:
        if bool(self.condition) == bool(self.suite):
            raise ValueError("a check has either a condition or a suite")
        if self.suite and self.on_fail == "quarantine":
            raise ValueError("a suite checks a day as a whole: give it on_fail='refuse'")
