"""The run ledger: one row a stage, with what it took in and gave out, its seconds and its peak memory."""

from __future__ import annotations

import datetime as dt
import json
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from pydantic import BaseModel, ConfigDict

SAMPLE_SECONDS = 0.5


class Run(BaseModel):
    """One stage of one job. ``facts`` are the stage's own: rows by table, model version, figures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    stage: str
    of: str
    days: str
    started_at: dt.datetime
    seconds: float
    peak_bytes: int
    outcome: str
    facts: dict[str, Any]


class Entry:
    """A run under way: the stage writes into ``facts`` what it found."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}


@contextmanager
def recorded(ledger: Path, stage: str, of: str, days: str) -> Iterator[Entry]:
    """Time what is done inside, watch its memory, and write its row however it ends (but for SIGKILL)."""
    started, clock, entry, outcome = dt.datetime.now(dt.UTC), time.monotonic(), Entry(), "failed"
    with peak_memory() as peak:
        try:
            yield entry
            outcome = "done"
        except Exception as error:
            entry.facts["error"] = f"{type(error).__name__}: {error}"
            raise
        finally:
            run = Run(
                id=uuid.uuid4().hex[:12],
                stage=stage,
                of=of,
                days=days,
                started_at=started,
                seconds=round(time.monotonic() - clock, 2),
                peak_bytes=peak(),
                outcome=outcome,
                facts=entry.facts,
            )
            _write(ledger, run)


@contextmanager
def peak_memory() -> Iterator[Any]:
    """A function that gives the most bytes that this process and all below it held at once, so far.

    Those below are the JVM, Python workers and ranks. Pages that forked workers share count for each of them.
    """
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_SECONDS):
            peak[0] = max(peak[0], held())

    watcher = threading.Thread(target=watch, name="peak-memory", daemon=True)
    watcher.start()
    try:
        yield lambda: max(peak[0], held())
    finally:
        done.set()


def held() -> int:
    """Bytes of memory that this process and all below it hold now."""
    total = 0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue  # it ended meanwhile
    return total


def runs(ledger: Path) -> list[Run]:
    """All runs, oldest first."""
    return sorted((Run.model_validate_json(p.read_text()) for p in ledger.glob("*.json")), key=lambda r: r.started_at)


def _write(ledger: Path, run: Run) -> None:
    ledger.mkdir(parents=True, exist_ok=True)
    partial = ledger / f".{run.id}.{os.getpid()}.partial"
    partial.write_text(json.dumps(run.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    partial.replace(ledger / f"{run.started_at:%Y%m%dT%H%M%S%f}-{run.stage}-{run.id}.json")
