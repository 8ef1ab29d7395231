"""The run ledger: one row a stage, with its result, its duration, and the memory and CPU time that it used.

A row is one JSON object in its own file, named by the start of the run. Two writers never meet, so a row is written
without reading the others, on a disk and in S3 alike. Fields that were added later have defaults.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from headrace import variables
from headrace.best_effort import BestEffort
from headrace.frozen import FrozenModel
from headrace.ledger.spark_metrics import DRIVER, ContainerUsage, SparkMetrics, metrics
from headrace.ledger.usage import Usage, watched
from headrace.outcome import Result
from headrace.storage import Place, for_each, write

COMPLETED, FAILED = "done", "failed"


class StageRun(FrozenModel):
    """One run of one stage.

    Attributes:
        facts: the fields of the stage's ``Result``; ``error`` if it failed.
        peak_bytes: the most memory that the driver's processes held at once, together.
        bytes_in, bytes_out: the bytes that Spark's tasks read and wrote.
        spilled_bytes: the bytes that did not fit into memory, by their size in memory.
        cpu_seconds: the CPU time of all containers.
        containers: the driver's usage, and each executor's by its id.
        size: the job's size: HEADRACE_SIZE (JSON), or else the settings that Spark was started with.
        image: the job's image: HEADRACE_IMAGE_ID.
    """

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
    containers: dict[str, ContainerUsage] = {}
    size: dict[str, Any] = {}
    image: str = ""

    @property
    def completed(self) -> bool:
        return self.outcome == COMPLETED


class Recorded(Protocol):
    """A command, as far as the ledger needs to know it."""

    @property
    def stage(self) -> str: ...
    @property
    def of(self) -> str: ...
    @property
    def of_days(self) -> str: ...


class Entry:
    """A run in progress. Whoever runs the stage puts its result here."""

    def __init__(self) -> None:
        self.result: Result | None = None
        self.error = ""
        self.usage: Callable[[], Usage] | None = None  # what its processes have used so far, if somebody watches

    def facts(self) -> dict[str, Any]:
        """The result's fields without those that the row has anyway, and the error."""
        columns = {"stage", "of", "days"}
        found = self.result.model_dump(mode="json", exclude=columns, exclude_defaults=True) if self.result else {}
        return {**found, **({"error": self.error} if self.error else {})}


@contextmanager
def recorded(ledger: Place, command: Recorded) -> Iterator[Entry]:
    """Time the block, watch what it uses, and write its row however it ends, except by SIGKILL.

    A row that cannot be written is logged, and the block ends as it would have ended.
    """
    started, clock, entry, outcome = dt.datetime.now(dt.UTC), time.monotonic(), Entry(), FAILED
    with watched() as used:
        entry.usage = used
        try:
            yield entry
            outcome = COMPLETED
        except Exception as error:
            entry.error = f"{type(error).__name__}: {error}"
            raise
        finally:
            seconds = round(time.monotonic() - clock, 2)
            with BestEffort(f"the row of {command.stage} in the ledger"):
                named = {"stage": command.stage, "of": command.of, "days": command.of_days}
                times = {"started_at": started, "seconds": seconds, "outcome": outcome}
                is_interrupted = outcome == FAILED and not entry.error  # it has no time to ask Spark
                spark = SparkMetrics() if is_interrupted else metrics(started)
                row = {"id": uuid.uuid4().hex[:12], **named, **times, "facts": entry.facts(), **_used(used(), spark)}
                _write(ledger, StageRun(**row))


def runs(ledger: Place) -> list[StageRun]:
    """All runs, oldest first. A row that cannot be read is logged and left out."""
    files: Iterator[Place] = ledger.glob("*.json")
    return sorted(filter(None, for_each(ledger, _read, files)), key=lambda run: run.started_at)


def _used(usage: Usage, spark: SparkMetrics) -> dict[str, Any]:
    """The part of a row that says what a run used."""
    driver = ContainerUsage(jvm_bytes=usage.jvm, python_bytes=usage.python, cpu_seconds=usage.cpu_seconds)
    containers = {DRIVER: driver, **spark.executors}
    return {
        "peak_bytes": usage.total,
        "bytes_in": spark.bytes_in,
        "bytes_out": spark.bytes_out,
        "spilled_bytes": spark.spilled,
        "cpu_seconds": round(sum(container.cpu_seconds for container in containers.values()), 2),
        "containers": containers,
        "size": _size() or spark.given,
        "image": os.environ.get(variables.IMAGE_ID, ""),
    }


def _read(file: Place) -> StageRun | None:
    try:
        content = file.read_bytes()
    except FileNotFoundError:  # maintenance removes old rows
        return None
    with BestEffort(f"the row {file}"):
        return StageRun.from_any_release(content)
    return None


def _size() -> dict[str, Any]:
    with suppress(ValueError):
        size = json.loads(os.environ.get(variables.SIZE, "{}"))
        return size if isinstance(size, dict) else {}
    return {}


def _write(ledger: Place, run: StageRun) -> None:
    content = json.dumps(run.model_dump(mode="json"), indent=2) + "\n"
    write(ledger / f"{run.started_at:%Y%m%dT%H%M%S%f}-{run.stage}-{run.id}.json", content.encode())
