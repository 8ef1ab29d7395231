"""The driver's memory while a part of a benchmark runs: live heap, Python's processes, and collected results."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from headrace.ledger.usage import watched
from headrace.stages.context import StageContext

COLLECT_SECONDS = 20


@dataclass(frozen=True)
class Memory:
    """The live heap at the end and at most, the most memory of Python's processes, and what tasks returned, in MB.

    While tasks run, the buffers in which they sort are live. At the end there are none.
    """

    heap_at_end_mb: float
    live_heap_mb: float
    python_mb: float
    collected_mb: float


@contextmanager
def memory(context: StageContext) -> Iterator[Callable[[], Memory]]:
    """Watch the memory within the block. It gives a function that returns what was used until then."""
    with watched() as usage, _live_heap(context) as live:
        before = _collected_bytes(context)

        def used() -> Memory:
            left = live()
            return Memory(
                heap_at_end_mb=round(left[-1] / 1e6),
                live_heap_mb=round(max(left) / 1e6),
                python_mb=round(usage().python / 1e6),
                collected_mb=round((_collected_bytes(context) - before) / 1e6, 1),
            )

        yield used


@contextmanager
def _live_heap(context: StageContext) -> Iterator[Callable[[], list[float]]]:
    """Collect the JVM's heap now and then. It gives a function that collects it again and returns what was left."""
    runtime = context.spark.sparkContext._jvm.java.lang.Runtime.getRuntime()  # type: ignore[union-attr]
    left: list[float] = []
    done = threading.Event()

    def collect() -> list[float]:
        runtime.gc()
        left.append(runtime.totalMemory() - runtime.freeMemory())
        return left

    def watch() -> None:
        while not done.wait(COLLECT_SECONDS):
            collect()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield collect
    finally:
        done.set()
        watcher.join()


def _collected_bytes(context: StageContext) -> float:
    """What the driver received as results of all tasks."""
    spark: Any = context.spark.sparkContext
    none = spark._gateway.new_array(spark._jvm.double, 0)
    stages = spark._jsc.sc().statusStore().stageList(None, False, False, none, spark._jvm.java.util.ArrayList())
    found = stages.iterator()
    total = 0.0
    while found.hasNext():
        total += found.next().resultSize()
    return total
