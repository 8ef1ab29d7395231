"""Whether an error means that memory ran out, and in which part of a job."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from headrace.errors import HeadraceError, OutOfMemoryError


class Part(Enum):
    """A part of a job that has a limit of memory."""

    TASK_HEAP = "the heap of the JVM that runs tasks"
    DRIVER_HEAP = "the heap of the driver's JVM"
    TASK_PYTHON = "the Python workers of tasks"
    DRIVER_PYTHON = "the driver's Python"
    BROADCAST = "a table that each task gets a copy of"
    RESULTS = "the results that tasks send to the driver"


class Shortage(NamedTuple):
    """The part whose memory ran out, and what the error said about it."""

    part: Part
    said: str


# Java's errors: at the start of a line, or as the cause at its end. Text in quotes is data.
_SPARK = (
    (Part.BROADCAST, re.compile(r"(Cannot broadcast the table|Not enough memory to build and broadcast)[^.\n]*")),
    (Part.RESULTS, re.compile(r"Total size of serialized results[^\n]*bigger than [^\n]*maxResultSize[^\n]*")),
    (Part.TASK_HEAP, re.compile(r"Unable to acquire \d+ bytes of memory[^.\n]*|Could not allocate memory to [^.\n]*")),
    (Part.TASK_HEAP, re.compile(r"(?:^|: )org\.apache\.spark\.memory\.SparkOutOfMemoryError\b[^\n]*", re.MULTILINE)),
    (Part.TASK_HEAP, re.compile(r"Lost task .*?: java\.lang\.OutOfMemoryError(?:: )?(?P<said>[^\n]*)", re.DOTALL)),
    (Part.DRIVER_HEAP, re.compile(r"(?:^|: )java\.lang\.OutOfMemoryError(?:: )?(?P<said>[^\n]*)", re.MULTILINE)),
)  # fmt: skip
_TRACEBACK = "Traceback (most recent call last):"
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(?:: .*)?$", re.MULTILINE)  # the line below a traceback
# What Python, NumPy, Arrow, TensorFlow, C++ and the kernel call it.
_PYTHON = re.compile(
    r"^(?:[\w.]+\.)?(?:MemoryError|_ArrayMemoryError|ArrowMemoryError|ResourceExhaustedError)(?:: |$)"
    rf"|std::bad_alloc|\[Errno {errno.ENOMEM}\]"
)
_WORKER_LOST = "worker exited unexpectedly"


def shortage_of(fault: BaseException, killed: bool = False) -> Shortage | None:
    """What ran out, if memory did; None if the error has another cause.

    Args:
        killed: whether the kernel has ended a process for its memory meanwhile; see ``kernel_kills``.
    """
    for error in _causes(fault):
        found = shortage_in(str(error), killed) if _is_text_of_spark(error) else _of_python(error)
        if found:
            return found
    return None


def shortage_in(text: str, killed: bool = False) -> Shortage | None:
    """What ran out, according to the text of an error of Spark; see ``shortage_of``."""
    _, in_worker, trace = text.rpartition(_TRACEBACK)
    if in_worker:
        raised = _RAISED.search(trace)
        return Shortage(Part.TASK_PYTHON, raised[0]) if raised and _PYTHON.search(raised[0]) else None
    for part, pattern in _SPARK:
        if found := pattern.search(text):
            return Shortage(part, (found.groupdict().get("said") or found[0]).strip(": "))
    if killed and _WORKER_LOST in text:
        return Shortage(Part.TASK_PYTHON, "the kernel ended a worker")
    return None


def kernel_kills() -> int:
    """How many processes this machine's kernel has ended for lack of memory; 0 if it does not count them."""
    with suppress(OSError):
        counters = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
        return int(counters.get("oom_kill", 0))
    return 0


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """The error, and those that it was raised from, without our own errors about something else."""
    error: BaseException | None = fault
    while error is not None:
        if isinstance(error, OutOfMemoryError) or not isinstance(error, HeadraceError):
            yield error
        error = error.__cause__


def _is_text_of_spark(error: BaseException) -> bool:
    """Whether an error is one of Spark, or of ours, which may quote Spark."""
    return isinstance(error, OutOfMemoryError) or any(
        kind.__module__.startswith(("pyspark.", "py4j.")) for kind in type(error).__mro__
    )


def _of_python(error: BaseException) -> Shortage | None:
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    if isinstance(error, MemoryError) or _PYTHON.search(said):
        return Shortage(Part.DRIVER_PYTHON, said)
    return None
