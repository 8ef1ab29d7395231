"""P13: the build of a day in S3 that is 60 ms away in each direction, beside the same build on the disk.

The use case is the smallest one with several tables, so that requests count for more than rows. A publication of one
row is measured as well. The server's log tells the number of requests, so it does not depend on the machine.
"""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from statistics import median

from headrace.lake.table import DayContents, Lake
from headrace.stages.context import StageContext
from headrace.storage import Place

from bench import own_process
from bench.far_s3 import far_bucket
from bench.result import Result, cores
from tests.support import lakes, rush_lake
from tests.support.s3_requests import by_kind, requests_to

AWAY_SECONDS = 0.12  # there and back
WARM, TIMED = (1, 2), (3, 4, 5)  # days, built one after the other
MAX_RATIO = 2.0
FOLDER = Path("build/bench/p13")


def run() -> Result:
    """Measure; seconds are medians of some days, each built on its own by a warm session."""
    peer = own_process.call(on_disk)
    with far_bucket("p13-requests") as (bucket, be_away, server):
        context = _landed(bucket)
        _build_days(context, WARM)
        be_away(AWAY_SECONDS)
        with requests_to(server) as of_days:
            ours = _build_days(context, TIMED)
        be_away(0)
        lake = Lake(bucket / "one-row")
        _publish(context, lake, 1)
        be_away(AWAY_SECONDS)
        with requests_to(server) as of_row:
            row_seconds = _publish(context, lake, 2)
        context.spark.stop()
    seconds, peer_seconds = median(ours), median(peer)
    return Result(
        id="P13-requests",
        what="the build of a day of three small tables in S3, 60 ms away each way / on the disk (less is better)",
        ours=round(seconds, 2),
        peer=round(peer_seconds, 2),
        unit="s",
        ratio=round(seconds / peer_seconds, 3),
        aim=f"<= {MAX_RATIO:g}",
        met=seconds / peer_seconds <= MAX_RATIO,
        cores=cores(),
        rows=6,
        requests=round(len(of_days) / len(TIMED), 1),
        requests_by_kind={kind: round(count / len(TIMED), 1) for kind, count in by_kind(of_days).items()},
        one_row={"seconds": round(row_seconds, 2), "requests": len(of_row), **by_kind(of_row)},
    )


def on_disk() -> list[float]:
    """The seconds of the days on the disk."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    context = _landed(FOLDER)
    _build_days(context, WARM)
    seconds = _build_days(context, TIMED)
    context.spark.stop()
    shutil.rmtree(FOLDER)
    return seconds


def _landed(folder: Place) -> StageContext:
    """The use case with its days landed, and nothing built."""
    context: StageContext = rush_lake.at(folder / "root", folder / "inbox")
    rush_lake.deliver_stations(context)
    days = rush_lake.days(WARM[0], TIMED[-1])
    for day in days:
        rush_lake.deliver(context, day, rush_lake.rows_of(day))
    lakes.land(context, days)
    return context


def _build_days(context: StageContext, numbers: Iterable[int]) -> list[float]:
    """Build days one after the other; returns the seconds of each."""
    return [
        _seconds(partial(lakes.build, lakes.again(context), rush_lake.FEATURES, rush_lake.days(n))) for n in numbers
    ]


def _publish(context: StageContext, lake: Lake, number: int) -> float:
    """Publish one row to a table, and return the seconds that it took."""
    day = dt.date(2026, 1, number)
    row = context.spark.range(1).selectExpr(f"date'{day}' AS day", "id")
    table = lake.table("shop.sales", day="day")
    return _seconds(partial(table.publish, row, DayContents({day: f"id{number}"}, {day: 1})))


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began
