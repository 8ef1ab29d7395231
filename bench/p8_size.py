"""P8: seconds a row, and memory, as the rows grow, on two cores and one heap.

Each size is generated, landed and built from an empty lake, in a process of its own with 3 GB of heap. The peer of a
size is the smallest one in the same run. While a build runs, the heap is collected every twenty seconds: what is left
is live. New code also builds some days alone, to compare them. That is left out: a small lake has done so before.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from headrace.commands import Build, Land
from headrace.config import ConfigSource
from headrace.days import DayRange
from headrace.stages.context import StageContext, open_context
from headrace.stages.runner import run_stage

from bench import generate, own_process
from bench.lake import FEATURES, OUTCOMES
from bench.memory import Memory, memory
from bench.result import Result, cores

DAYS = "2013-01-01..2013-02-28"
TABLES = ("flights.legs", OUTCOMES, FEATURES)
ONE, THREE = 20, 58  # copies of each real flight of the days: 1.04 and 3.0 million rows
TURNS = 2
MAX_RATIO = 1.15
ROOT = Path("build/bench/size")
LAKE = ROOT / "root"
VERIFIED = "verified"  # the folder of a root with the records of comparisons


@dataclass(frozen=True)
class Built:
    """One build of all three tables: its rows, its seconds by table, and its memory."""

    rows: int
    seconds: dict[str, float]
    memory: Memory

    @property
    def microseconds_a_row(self) -> float:
        return 1e6 * sum(self.seconds.values()) / self.rows


def run() -> Result:
    """Measure a million rows and three, in turns."""
    return compared("P8", [ONE, THREE], TURNS)


def compared(name: str, sizes: list[int], turns: int, days: str = DAYS) -> Result:
    """Build each size in turns; ``ours`` is the last size and ``peer`` the first, medians of the turns."""
    shutil.rmtree(ROOT / VERIFIED, ignore_errors=True)
    if len(DayRange.parse(days)) > 1:
        own_process.call(build, 1, days)
        shutil.copytree(LAKE / VERIFIED, ROOT / VERIFIED)
    for times in sizes:
        own_process.call(generated, times, days)  # not by a build's process, which would keep the memory
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
    """Generate, land and build the flights at one size, in place of an earlier lake."""
    shutil.rmtree(LAKE, ignore_errors=True)
    opened = open_context(ConfigSource("local", root=str(LAKE)))
    context = StageContext(opened.config.model_copy(update={"inbox": generated(times, days)}), opened.use_case)
    if (ROOT / VERIFIED).exists():
        shutil.copytree(ROOT / VERIFIED, LAKE / VERIFIED)
    run_stage(context, Land(days))
    rows, seconds = 0, {}
    with memory(context) as used:
        for table in TABLES:
            began = time.monotonic()
            rows = run_stage(context, Build(table, days)).rows
            seconds[table] = round(time.monotonic() - began, 1)
        return Built(rows, seconds, used())


def generated(times: int, days: str) -> Path:
    """An inbox with the days. It stays for later runs, and appears only once it is complete."""
    inbox, partial = ROOT / f"inbox-{times}", ROOT / f"inbox-{times}.partial"
    if not inbox.exists():
        shutil.rmtree(partial, ignore_errors=True)
        generate.main(days, times, partial)
        partial.rename(inbox)
    return inbox
