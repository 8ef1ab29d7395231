"""What a job had when its memory ran out, and which setting to change."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from headrace import variables
from headrace.config import Config, PodResources, Size
from headrace.errors import OutOfMemoryError
from headrace.shortage import Part, Shortage

UNITS = {"k": "KB", "m": "MB", "g": "GB", "t": "TB"}  # as Spark reads them: multiples of 1024
LESS = {  # less work, by stage
    "build": "lower build.chunk_mb",
    "score": "lower build.chunk_mb",
    "train": "lower training.batch_size",
}
HEAPS = (Part.TASK_HEAP, Part.DRIVER_HEAP)
PYTHONS = (Part.TASK_PYTHON, Part.DRIVER_PYTHON)


class Room(NamedTuple):
    """What a part of a job has, in words, and the hint that says what to change."""

    had: str
    hint: str


def out_of_memory(config: Config, stage: str, of: str, short: Shortage, python_bytes: int = 0) -> OutOfMemoryError:
    """The error for a job whose memory ran out: what it had, and which setting to change.

    Args:
        stage: the job's stage, or its file's name.
        of: what it worked on, such as a table and its days.
        python_bytes: the most memory that the driver's Python and workers beside it held; 0 if nobody knows.
    """
    given = os.environ.get(variables.SIZE)  # only a job on a cluster is given one
    if short.part in (Part.BROADCAST, Part.RESULTS):
        had, hint = _of_query(config, short.part)
    elif given:
        had, hint = _of_size(config, stage, Size.model_validate_json(given), short.part)
    else:
        had, hint = _of_machine(config, short.part)
    held = f", {python_bytes / 2**30:.1f} GB held by Python" if python_bytes and short.part in PYTHONS else ""
    less = LESS.get(stage, "take fewer days at once")
    return OutOfMemoryError(f"{of} ran out of memory: {had}{held} ({short.said})", f"{hint}, or {less}", of)


def _of_query(config: Config, part: Part) -> Room:
    """What a query asks of the driver, which has limits of its own."""
    conf = f"spark.conf of conf/{config.environment}.yaml"
    if part is Part.RESULTS:
        return Room("the results of tasks", f"Collect less, or raise spark.driver.maxResultSize in {conf}")
    hint = f'Join without a broadcast hint, and set spark.sql.autoBroadcastJoinThreshold to "-1" in {conf}'
    return Room("a join copies a table to each task", hint)


def _of_size(config: Config, stage: str, size: Size, part: Part) -> Room:
    """What the pods of a job on a cluster have."""
    role = "executor" if part in (Part.TASK_HEAP, Part.TASK_PYTHON) else "driver"
    pod: PodResources = getattr(size, role)
    bound, words = ("memory", "of heap") if part in HEAPS else ("overhead", "beside the heap")
    tasks = _at_once(pod.cores) if role == "executor" else ""
    name = next((name for name, one in config.sizes.items() if one == size), stage)
    return Room(
        f"{_shown(getattr(pod, bound))} {words} in the {role}{tasks}",
        f"Raise sizes.{name}.{role}.{bound} in conf/{config.environment}.yaml",
    )


def _of_machine(config: Config, part: Part) -> Room:
    """What a job on this machine has: its JVM has a limit, its Python has the rest of the machine."""
    file, heap = f"conf/{config.environment}.yaml", f"{_shown(config.spark.driver_memory)} of heap"
    tasks = _at_once(_tasks(config.spark.master))
    if part in HEAPS:
        return Room(heap + (tasks if part is Part.TASK_HEAP else ""), f"Raise spark.driver_memory in {file}")
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    hint = f"Lower the tasks of spark.master or spark.driver_memory in {file}"
    return Room(f"{machine:.1f} GB in this machine, {heap}{tasks}", hint)


def _shown(memory: str) -> str:
    """Memory as Spark writes it, as people do: ``3g`` is 3 GB."""
    found = re.fullmatch(r"(\d+)([kmgt])b?", memory.lower())
    return f"{found[1]} {UNITS[found[2]]}" if found else memory


def _tasks(master: str) -> int:
    """How many tasks run at once: two for ``local[2]``, one for each CPU for ``local[*]``; 0 if nobody knows."""
    found = re.match(r"local(?:\[(\d+|\*))?", master)
    if not found:
        return 0
    return (os.cpu_count() or 1) if found[1] == "*" else int(found[1] or 1)


def _at_once(tasks: int) -> str:
    return f", {tasks} task{'s' if tasks > 1 else ''} at once" if tasks else ""
