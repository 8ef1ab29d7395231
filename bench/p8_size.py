"""P8: seconds a row, and memory, as the rows grow, on two cores and one heap.

Each size is generated, landed and built from an empty lake, in a process of its own with 3 GB of heap. The peer of a
size is the smallest one in the same run. While a build runs, the heap is collected every twenty seconds: what is left
is live.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from headrace.commands import Build, Land
from headrace.config import ConfigSource
from headrace.ledger.usage import watched
from headrace.stages.context import StageContext, open_context
from headrace.stages.runner import run_stage

from bench import generate, own_process
from bench.lake import FEATURES, OUTCOMES
from bench.result import Result, cores

DAYS = "2013-01-01..2013-02-28"
TABLES = ("flights.legs", OUTCOMES, FEATURES)
ONE, THREE = 20, 58  # copies of each real flight of the days: 1.04 and 3.0 million rows
TURNS = 2
MAX_RATIO = 1.15
COLLECT_SECONDS = 20
ROOT = Path("build/bench/size")


@dataclass(frozen=True)
class Built:
    """One build of all three tables: seconds by table, and the peaks of memory in MB."""

    rows: int
    seconds: dict[str, float]
    live_heap_mb: float
    python_mb: float
    collected_mb: float

    @property
    def microseconds_a_row(self) -> float:
        return 1e6 * sum(self.seconds.values()) / self.rows


def run() -> Result:
    """Measure a million rows and three, in turns."""
    return compared("P8", [ONE, THREE], TURNS)


def compared(name: str, sizes: list[int], turns: int, days: str = DAYS) -> Result:
    """Build each size in turns; ``ours`` is the last size and ``peer`` the first, medians of the turns."""
    runs: dict[int, list[Built]] = {times: [] for times in sizes}
    for _ in range(turns):
        for times in sizes:
            runs[times].append(own_process.call(build, times, days))
            print(f"  {times} times  {runs[times][-1]}", flush=True)
    first, last = (median(built.microseconds_a_row for built in runs[times]) for times in (sizes[0], sizes[-1]))
    return Result(
        id=name,
        what=f"landed rows to flights' three tables, {days}, many / few generated rows (less is better)",
        ours=round(last, 1),
        peer=round(first, 1),
        unit="us/row",
        ratio=round(last / first, 3),
        aim=f"<= {MAX_RATIO}",
        met=last / first <= MAX_RATIO,
        cores=cores(),
        rows=runs[sizes[-1]][0].rows,
        builds={str(times): [asdict(built) for built in some] for times, some in runs.items()},
    )


def build(times: int, days: str = DAYS) -> Built:
    """Generate, land and build the flights at one size."""
    root, inbox = ROOT / "root", ROOT / f"inbox-{times}"
    shutil.rmtree(root, ignore_errors=True)
    if not inbox.exists():
        generate.main(days, times, inbox)
    opened = open_context(ConfigSource("local", root=str(root)))
    context = StageContext(opened.config.model_copy(update={"inbox": inbox}), opened.use_case)
    run_stage(context, Land(days))
    seconds: dict[str, float] = {}
    rows = 0
    with watched() as usage, _live_heap(context) as live:
        for table in TABLES:
            began = time.monotonic()
            rows = run_stage(context, Build(table, days)).rows
            seconds[table] = round(time.monotonic() - began, 1)
        python = usage().python
        collected = _collected_bytes(context)
    shutil.rmtree(root)
    return Built(rows, seconds, round(max(live) / 1e6), round(python / 1e6), round(collected / 1e6, 1))


@contextmanager
def _live_heap(context: StageContext) -> Iterator[list[float]]:
    """Collect the JVM's heap now and then; the list gets the bytes that are left each time."""
    runtime = context.spark.sparkContext._jvm.java.lang.Runtime.getRuntime()  # type: ignore[union-attr]
    live, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(COLLECT_SECONDS):
            runtime.gc()
            live.append(runtime.totalMemory() - runtime.freeMemory())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield live
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
