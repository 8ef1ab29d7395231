"""P5: build the features of a range of days, beside the same transform in bare Spark to Parquet.

Ours is the stage as a job runs it: what is stale, contract, checks, keys, the publication in Delta, the ledger. The
peer reads the same legs and outcomes, calls the same transform, and writes the same rows, a file a day, to Parquet;
it checks nothing. Both write into an empty place in the same session, in turns, after one turn that warms it.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.declare import resolve
from headrace.lake.publications import path_of
from headrace.lake.publish import by_day
from headrace.lake.read import read
from headrace.stages.build import build_tables
from headrace.stages.job import Job
from pyspark.sql import functions as F

from bench.lake import FEATURES, year_built
from bench.result import Result, cores
from bench.turns import in_turns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DAYS = DayRange.parse("2013-10-01..2013-12-31")
TURNS = 3
MOST = 2.0


def run(days: DayRange = DAYS, turns: int = TURNS) -> Result:
    """Measure; seconds are medians."""
    job = _beside(year_built())
    table = job.use_case.table(FEATURES)
    ours, peer = path_of(job.config.tables, FEATURES), job.config.work / "p5"

    def build() -> None:
        shutil.rmtree(ours, ignore_errors=True)
        build_tables(job, FEATURES, days)

    def bare() -> None:
        shutil.rmtree(peer, ignore_errors=True)
        by_day(_transformed(job, days), table.day, days).write.partitionBy(table.day).parquet(str(peer))

    timed = in_turns({"ours": build, "peer": bare}, turns)
    rows = _same(read(job.spark, job.config.tables, table, days), job.spark.read.parquet(str(peer)))
    shutil.rmtree(job.config.root)
    ratio = timed["ours"].median / timed["peer"].median
    return Result(
        id="P5",
        what=f"build of {FEATURES} {days} / the same transform in bare Spark to Parquet (less is better)",
        ours=round(timed["ours"].median, 2),
        peer=round(timed["peer"].median, 2),
        unit="s",
        ratio=round(ratio, 3),
        aim=f"<= {MOST}",
        met=ratio <= MOST,
        cores=cores(),
        rows=rows,
        seconds={name: each.rounded for name, each in timed.items()},
    )


def _beside(year: Job) -> Job:
    """A root with the year's lake but for the features, which are built again and again there."""
    root = year.config.root / "p5"
    shutil.rmtree(root, ignore_errors=True)
    there = path_of(year.config.tables, FEATURES)
    ignored = shutil.ignore_patterns(there.name)
    shutil.copytree(year.config.tables, root / year.config.tables.relative_to(year.config.root), ignore=ignored)
    (root / "raw").symlink_to(year.config.raw.absolute())
    return Job(year.config.model_copy(update={"root": root}), year.use_case)


def _transformed(job: Job, days: DayRange) -> DataFrame:
    table = job.use_case.table(FEATURES)
    inputs = [
        read(job.spark, job.config.tables, source.source, days.widened(-source.first, source.last))
        for source in table.sources
    ]
    made: DataFrame = resolve.function(job.use_case.package, table.by)(*inputs)
    return made.filter(F.col(table.day).between(F.lit(days.first), F.lit(days.last)))


def _same(ours: DataFrame, peer: DataFrame) -> int:
    """The number of rows that both wrote alike; anything else would compare different work."""
    peer = peer.select(*ours.columns)
    rows = ours.count()
    assert rows == peer.count()
    assert ours.exceptAll(peer).isEmpty()
    return rows
