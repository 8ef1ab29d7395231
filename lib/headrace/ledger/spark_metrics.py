"""What Spark itself knows of a run: bytes read, written and spilled, and what its executors held and took.

It is read from the driver's store of the Spark UI, through py4j, and only where this process has a session already.
"""

from __future__ import annotations

import datetime as dt
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from headrace.frozen import FrozenModel

PATIENCE_SECONDS = 10
DRIVER = "driver"


class ContainerUsage(FrozenModel):
    """The driver or an executor: the most bytes that its JVM and its other processes held, and seconds of CPU time.

    Of an executor, the bytes are those since it started, and the seconds are those of its tasks in the JVM.
    """

    jvm_bytes: int = 0
    python_bytes: int = 0
    cpu_seconds: float = 0


class SparkMetrics(FrozenModel):
    """Of Spark's stages since a run began. ``spilled`` counts bytes as they lay in memory, where they had no room."""

    bytes_in: int = 0
    bytes_out: int = 0
    spilled: int = 0
    executors: dict[str, ContainerUsage] = {}
    given: dict[str, str] = {}


def metrics(since: dt.datetime) -> SparkMetrics:
    """What Spark knows; nothing where it does not run, or does not answer: a figure must not fail a stage."""
    if "pyspark" not in sys.modules:
        return SparkMetrics()
    found = [SparkMetrics()]

    def read() -> None:
        try:
            found[0] = _read(since)
        except Exception:
            return  # a JVM that died, a session that ends

    reader = threading.Thread(target=read, name="spark-metrics", daemon=True)
    reader.start()
    reader.join(PATIENCE_SECONDS)
    return found[0]


def _read(since: dt.datetime) -> SparkMetrics:
    from pyspark import SparkContext

    context: Any = SparkContext._active_spark_context
    if context is None:
        return SparkMetrics()
    jvm, store = context._jvm, context._jsc.sc().statusStore()
    doubles = context._gateway.new_array(jvm.double, 0)
    every = store.stageList(None, False, False, doubles, jvm.java.util.ArrayList())
    begun = since.timestamp() * 1000
    stages = [s for s in _all(every) if s.submissionTime().isDefined() and s.submissionTime().get().getTime() >= begun]
    executors = [e for e in _all(store.executorList(False)) if e.id() != DRIVER]
    seconds = _cpu_seconds(store, stages) if executors else {}
    wanted = ("spark.master", "spark.driver.memory", "spark.executor.memory", "spark.executor.instances")
    return SparkMetrics(
        bytes_in=sum(s.inputBytes() for s in stages),
        bytes_out=sum(s.outputBytes() for s in stages),
        spilled=sum(s.memoryBytesSpilled() for s in stages),
        executors={e.id(): _container(e, seconds.get(e.id(), 0)) for e in executors},
        given={key: value for key in wanted if (value := context.getConf().get(key))},
    )


def _cpu_seconds(store: Any, stages: list[Any]) -> dict[str, float]:
    """By executor. Spark adds up the tasks' CPU time for a stage, and their duration for its executors, too."""
    seconds: dict[str, float] = defaultdict(float)
    for stage in stages:
        of_executors = _all(store.executorSummary(stage.stageId(), stage.attemptId()))
        busy = {pair._1(): pair._2().taskTime() for pair in of_executors}
        for executor, milliseconds in busy.items():
            seconds[executor] += stage.executorCpuTime() / 1e9 * milliseconds / max(sum(busy.values()), 1)
    return seconds


def _container(executor: Any, cpu_seconds: float) -> ContainerUsage:
    """An executor's; the bytes are 0 where processes are not looked at (spark.executor.processTreeMetrics.enabled)."""
    peaks = executor.peakMemoryMetrics()
    held = dict.fromkeys(("JVM", "Python", "Other"), 0)
    if peaks.isDefined():
        held = {kind: peaks.get().getMetricValue(f"ProcessTree{kind}RSSMemory") for kind in held}
    python = held["Python"] + held["Other"]
    return ContainerUsage(jvm_bytes=held["JVM"], python_bytes=python, cpu_seconds=round(cpu_seconds, 2))


def _all(collection: Any) -> Iterator[Any]:
    """The items of a collection of Scala's."""
    iterator = collection.iterator()
    while iterator.hasNext():
        yield iterator.next()
