"""Spark's own figures about a run: bytes read, written and spilled, and the memory and CPU time of its executors.

They are read through py4j from the driver's store of the Spark UI, and only if this process has a session.
"""

from __future__ import annotations

import datetime as dt
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from headrace.best_effort import BestEffort
from headrace.frozen import FrozenModel

PATIENCE_SECONDS = 10
DRIVER = "driver"


class ContainerUsage(FrozenModel):
    """The peak memory of a driver or an executor, in bytes, and its CPU time.

    The peak of an executor counts from its start, and its CPU time only includes the JVM's part of its tasks.
    """

    jvm_bytes: int = 0
    python_bytes: int = 0
    cpu_seconds: float = 0


class SparkMetrics(FrozenModel):
    """The figures of Spark's stages since a run began.

    Attributes:
        spilled: the bytes that did not fit into memory, by their size in memory.
        executors: the usage of each executor, by its id.
        given: the settings that determine what Spark was given, such as ``spark.executor.memory``.
    """

    bytes_in: int = 0
    bytes_out: int = 0
    spilled: int = 0
    executors: dict[str, ContainerUsage] = {}
    given: dict[str, str] = {}


def metrics(since: dt.datetime) -> SparkMetrics:
    """Spark's figures since an instant; all zero if Spark does not run, or does not answer within 10 s.

    It never raises, because a stage must not fail over its figures; an error is logged.
    """
    if "pyspark" not in sys.modules:
        return SparkMetrics()
    found = [SparkMetrics()]

    def read() -> None:
        with BestEffort("what Spark measured"):  # the JVM has died, or the session is ending
            found[0] = _read(since)

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
    listed = store.stageList(None, False, False, doubles, jvm.java.util.ArrayList())
    start = since.timestamp() * 1000
    stages = [s for s in _all(listed) if s.submissionTime().isDefined() and s.submissionTime().get().getTime() >= start]
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
    """The CPU time of each executor, by its id.

    Spark sums the tasks' CPU time only by stage. It is divided among the executors by their tasks' duration.
    """
    seconds: dict[str, float] = defaultdict(float)
    for stage in stages:
        summaries = _all(store.executorSummary(stage.stageId(), stage.attemptId()))
        busy = {pair._1(): pair._2().taskTime() for pair in summaries}
        for executor, milliseconds in busy.items():
            seconds[executor] += stage.executorCpuTime() / 1e9 * milliseconds / max(sum(busy.values()), 1)
    return seconds


def _container(executor: Any, cpu_seconds: float) -> ContainerUsage:
    """The usage of an executor. The bytes are 0 unless ``spark.executor.processTreeMetrics.enabled`` is set."""
    peaks = executor.peakMemoryMetrics()
    memory = dict.fromkeys(("JVM", "Python", "Other"), 0)
    if peaks.isDefined():
        memory = {kind: peaks.get().getMetricValue(f"ProcessTree{kind}RSSMemory") for kind in memory}
    python = memory["Python"] + memory["Other"]
    return ContainerUsage(jvm_bytes=memory["JVM"], python_bytes=python, cpu_seconds=round(cpu_seconds, 2))


def _all(collection: Any) -> Iterator[Any]:
    """The items of a Scala collection."""
    iterator = collection.iterator()
    while iterator.hasNext():
        yield iterator.next()
