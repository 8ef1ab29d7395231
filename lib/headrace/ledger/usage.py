"""What this job's processes on this machine hold and take: the JVM, the driver's Python, its workers and ranks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil

SAMPLE_SECONDS = 0.5


@dataclass(frozen=True)
class Usage:
    """Bytes held at once at most, of all and of the JVM and the rest apart, and seconds of CPU time."""

    total: int
    jvm: int
    python: int
    cpu_seconds: float


@contextmanager
def watched() -> Iterator[Callable[[], Usage]]:
    """A function that gives what was used since the block began.

    Pages that forked workers share count for each of them. CPU time of a process that nobody waited for is lost.
    """
    jvm, python, cpu_before = _now()
    peaks, done = (jvm + python, jvm, python), threading.Event()

    def look() -> Usage:
        nonlocal peaks
        jvm, python, cpu = _now()
        peaks = (max(peaks[0], jvm + python), max(peaks[1], jvm), max(peaks[2], python))
        return Usage(*peaks, round(max(cpu - cpu_before, 0), 2))

    def watch() -> None:
        while not done.wait(SAMPLE_SECONDS):
            look()

    threading.Thread(target=watch, name="usage", daemon=True).start()
    try:
        yield look
    finally:
        done.set()


def _now() -> tuple[int, int, float]:
    """Bytes that the JVM and the other processes hold, and the seconds of CPU time that all have taken."""
    jvm, python, cpu = 0, 0, 0.0
    root = _root()
    for process in [root, *root.children(recursive=True)]:
        try:
            with process.oneshot():
                held, is_jvm = process.memory_info().rss, process.name() == "java"
                cpu += sum(process.cpu_times()[:4])  # its own, and that of children that it has waited for
        except psutil.Error:
            continue  # it ended meanwhile
        jvm, python = (jvm + held, python) if is_jvm else (jvm, python + held)
    return jvm, python, cpu


def _root() -> psutil.Process:
    """The process that the job's others are below: spark-submit's JVM, where it started this one, or else this one."""
    own = psutil.Process()
    with suppress(psutil.Error):
        parent = own.parent() if "PYSPARK_GATEWAY_PORT" in os.environ else None
        if parent is not None and parent.name() == "java":
            return parent
    return own
