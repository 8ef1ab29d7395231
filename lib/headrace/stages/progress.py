"""The lines that a stage prints while it works."""

from __future__ import annotations

import time
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
