"""The memory and CPU time of this job's processes on this machine: the JVM, the driver's Python, workers and ranks."""

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
    """The peak memory in bytes of all processes together, of the JVM and of all others, and the CPU time of all."""

    total: int
    jvm: int
    python: int
    cpu_seconds: float


@contextmanager
def watched() -> Iterator[Callable[[], Usage]]:
    """Watch the processes within the block. It gives a function that returns their usage since the block began.

    Pages that forked workers share count for each worker. The CPU time of a process that nobody waited for is lost.
    """
    jvm, python, cpu_before = _now()
    peaks, done = (jvm + python, jvm, python), threading.Event()

    def measure() -> Usage:
        nonlocal peaks
        jvm, python, cpu = _now()
        peaks = (max(peaks[0], jvm + python), max(peaks[1], jvm), max(peaks[2], python))
        return Usage(*peaks, round(max(cpu - cpu_before, 0), 2))

    def watch() -> None:
        while not done.wait(SAMPLE_SECONDS):
            measure()

    threading.Thread(target=watch, name="usage", daemon=True).start()
    try:
        yield measure
    finally:
        done.set()


def _now() -> tuple[int, int, float]:
    """The memory of the JVM and of the other processes, in bytes, and the CPU time of all, in seconds."""
    jvm, python, cpu = 0, 0, 0.0
    for process in _processes(_root()):
        try:
            with process.oneshot():
                memory, is_jvm = process.memory_info().rss, process.name() == "java"
                cpu += sum(process.cpu_times()[:4])  # including the children that it has waited for
        except psutil.Error:
            continue  # it has just ended
        jvm, python = (jvm + memory, python) if is_jvm else (jvm, python + memory)
    return jvm, python, cpu


def _processes(root: psutil.Process) -> list[psutil.Process]:
    """A process and all below it; empty if it has just ended."""
    with suppress(psutil.Error):
        return [root, *root.children(recursive=True)]
    return []


def _root() -> psutil.Process:
    """The ancestor of the job's processes: spark-submit's JVM if it started this process, or else this process."""
    this = psutil.Process()
    with suppress(psutil.Error):
        parent = this.parent() if "PYSPARK_GATEWAY_PORT" in os.environ else None
        if parent is not None and parent.name() == "java":
            return parent
    return this
