"""The lines that a stage prints while it works."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress


def log_progress(stage: str, what: str, **figures: object) -> None:
    """Print one line: the time, the stage, what it did, and figures. Without room or a reader, the line is lost."""
    shown = "  ".join(f"{value} {name}" for name, value in figures.items())
    with suppress(OSError):
        print(f"{time.strftime('%H:%M:%S')}  {stage:<6} {what}{'  ' if shown else ''}{shown}", flush=True)


def throughput(rows: int, began: float) -> dict[str, str]:
    """Rows, seconds since ``began`` (of ``time.monotonic``), and rows a second, for ``log_progress``."""
    seconds = time.monotonic() - began
    return {"rows": f"{rows:,}", "s": f"{seconds:.1f}", "rows/s": f"{rows / max(seconds, 1e-9):,.0f}"}


class Progress:
    """How far a stage is with chunks whose sizes are known."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = sizes
        self._done = 0
        self._began = time.monotonic()

    def step(self) -> str:
        """Count a chunk as done. Returns where the work stands; empty if there is only one chunk."""
        self._done += 1
        if len(self._sizes) < 2:
            return ""
        done, left = sum(self._sizes[: self._done]), sum(self._sizes[self._done :])
        seconds = (time.monotonic() - self._began) * left / max(1, done)
        remaining = f", about {_duration(seconds)} left" if self._done < len(self._sizes) else ""
        return f"chunk {self._done} of {len(self._sizes)}{remaining}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{seconds / 3600:.1f} h"
