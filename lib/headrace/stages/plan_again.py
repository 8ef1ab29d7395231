"""Plan and publish, and plan again while other runs publish some of the same days first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from headrace.errors import WriteConflictError
from headrace.stages.progress import log_progress

Planned = TypeVar("Planned")

PLANS = 5  # of one table


def planned_again(stage: str, what: str, attempt: Callable[[], Planned]) -> Planned:
    """Call ``attempt``, which plans and publishes, until it meets no other writer; returns what it returned.

    Args:
        stage: the stage's name, and ``what`` it works on, in the line that is printed before another attempt.

    Raises:
        WriteConflictError: it met other writers five times.
    """
    for left in reversed(range(PLANS)):
        try:
            return attempt()
        except WriteConflictError as conflict:
            if not left:
                raise
            log_progress(stage, f"{what} plans again: {conflict.what}")
    raise AssertionError("the last attempt returns or raises")
