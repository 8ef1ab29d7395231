"""Wait for something that another process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def eventually(what: str, holds: Callable[[], Any], within: float = 120, every: float = 0.5) -> Any:
    """Call ``holds`` every ``every`` seconds, and return its first true value.

    Raises:
        AssertionError: ``holds`` had no true value within ``within`` seconds. The message begins with ``what``.
    """
    deadline = time.monotonic() + within
    while not (value := holds()):
        assert time.monotonic() < deadline, f"{what}: not within {within:.0f} s"
        time.sleep(every)
    return value
