"""The run ledger: one row a stage, with what it took in and gave out, its seconds, and the memory and CPU that it used.

A row is one JSON object in a file of its own, named by when its run began: no two writers meet, so a row is written
without a look at the others, on a disk and in S3 alike. Fields were added since the first rows, and have defaults.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pydantic import BaseModel, ConfigDict

from headrace.sizing.spark_metrics import DRIVER, Container, SparkMetrics, metrics
from headrace.sizing.usage import watched
from headrace.storage import Place, for_each, write

SIZE, IMAGE = "HEADRACE_SIZE", "HEADRACE_IMAGE_ID"  # variables of a job on a cluster


class Run(BaseModel):
    """One stage of one job. ``facts`` are the stage's own: rows by table, model version, figures.

    Attributes:
        peak_bytes: the most that the driver's processes held at once, all together.
        bytes_in, bytes_out: what Spark's tasks read and wrote.
        spilled_bytes: what they had no memory for, as it lay there.
        cpu_seconds: of all containers.
        containers: the driver, and each executor by its id.
        size: what the job was given: that of HEADRACE_SIZE (JSON), or else what Spark was started with.
        image: the job's image, by HEADRACE_IMAGE_ID.
    """

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
    bytes_in: int = 0
    bytes_out: int = 0
    spilled_bytes: int = 0
    cpu_seconds: float = 0
    containers: dict[str, Container] = {}
    size: dict[str, Any] = {}
    image: str = ""


class Entry:
    """A run under way: the stage writes into ``facts`` what it found."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}


@contextmanager
def recorded(ledger: Place, stage: str, of: str, days: str) -> Iterator[Entry]:
    """Time what is done inside, watch what it uses, and write its row however it ends (but for SIGKILL)."""
    started, clock, entry, outcome = dt.datetime.now(dt.UTC), time.monotonic(), Entry(), "failed"
    spark = SparkMetrics()
    with watched() as used:
        try:
            yield entry
            outcome = "done"
        except Exception as error:
            entry.facts["error"] = f"{type(error).__name__}: {error}"
            raise
        finally:
            seconds, usage = round(time.monotonic() - clock, 2), used()
            if outcome == "done" or "error" in entry.facts:  # who is interrupted has no time to ask Spark
                spark = metrics(started)
            driver = Container(jvm_bytes=usage.jvm, python_bytes=usage.python, cpu_seconds=usage.cpu_seconds)
            containers = {DRIVER: driver, **spark.executors}
            run = Run(
                id=uuid.uuid4().hex[:12],
                stage=stage,
                of=of,
                days=days,
                started_at=started,
                seconds=seconds,
                peak_bytes=usage.total,
                outcome=outcome,
                facts=entry.facts,
                bytes_in=spark.bytes_in,
                bytes_out=spark.bytes_out,
                spilled_bytes=spark.spilled,
                cpu_seconds=round(sum(container.cpu_seconds for container in containers.values()), 2),
                containers=containers,
                size=_size() or spark.given,
                image=os.environ.get(IMAGE, ""),
            )
            _write(ledger, run)


def runs(ledger: Place) -> list[Run]:
    """All runs, oldest first."""
    files: Iterator[Place] = ledger.glob("*.json")
    return sorted(for_each(ledger, _read, files), key=lambda run: run.started_at)


def _read(file: Place) -> Run:
    return Run.model_validate_json(file.read_bytes())


def _size() -> dict[str, Any]:
    with suppress(ValueError):
        told = json.loads(os.environ.get(SIZE, "{}"))
        return told if isinstance(told, dict) else {}
    return {}


def _write(ledger: Place, run: Run) -> None:
    content = json.dumps(run.model_dump(mode="json"), indent=2) + "\n"
    write(ledger / f"{run.started_at:%Y%m%dT%H%M%S%f}-{run.stage}-{run.id}.json", content.encode())
