"""P5: build the features of a range of days, beside the same transform in bare Spark to Parquet.

Ours is the stage as a job runs it: staleness, contract, checks, keys, the publication in Delta, the ledger. The peer
reads the same legs and outcomes, calls the same transform, and writes the same rows to Parquet, one file for each day.
It checks nothing. Both write into an empty folder in the same session, in turns, after one turn that warms it up.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from headrace.commands import Build
from headrace.days import DayRange
from headrace.declare import resolve
from headrace.stages.context import StageContext
from headrace.stages.runner import run_stage
from pyspark.sql import functions as F

from bench.lake import FEATURES, on_disk, year_built
from bench.result import Result, cores
from bench.turns import in_turns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DAYS = DayRange.parse("2013-10-01..2013-12-31")
TURNS = 3
MAX_RATIO = 1.25


def run(days: DayRange = DAYS, turns: int = TURNS) -> Result:
    """Measure; seconds are medians."""
    context = _without_features(year_built())
    table = context.use_case.table(FEATURES)
    root = on_disk(context.config.root)
    lake_folder, peer_folder = on_disk(context.table(table).path), root / "parquet"

    def ours() -> None:
        shutil.rmtree(lake_folder, ignore_errors=True)
        run_stage(context, Build(FEATURES, str(days)))

    def peer() -> None:
        shutil.rmtree(peer_folder, ignore_errors=True)
        _transformed(context, days).repartition(table.day).write.partitionBy(table.day).parquet(str(peer_folder))

    timed = in_turns({"ours": ours, "peer": peer}, turns)
    rows = _same(context.table(table).read(context.spark, days), context.spark.read.parquet(str(peer_folder)))
    shutil.rmtree(root)
    ratio = timed["ours"].median / timed["peer"].median
    return Result(
        id="P5",
        what=f"build of {FEATURES} {days} / the same transform in bare Spark to Parquet (less is better)",
        ours=round(timed["ours"].median, 2),
        peer=round(timed["peer"].median, 2),
        unit="s",
        ratio=round(ratio, 3),
        aim=f"<= {MAX_RATIO}",
        met=ratio <= MAX_RATIO,
        cores=cores(),
        rows=rows,
        seconds={name: times.rounded for name, times in timed.items()},
    )


def _without_features(year: StageContext) -> StageContext:
    """A copy of the year's lake without the features, which the benchmark builds again and again there."""
    root = on_disk(year.config.root) / "p5"
    shutil.rmtree(root, ignore_errors=True)
    copy = StageContext(year.config.model_copy(update={"root": root}), year.use_case)
    ignored = shutil.ignore_patterns(year.lake.table(FEATURES).path.name)
    shutil.copytree(on_disk(year.layout.tables), on_disk(copy.layout.tables), ignore=ignored)
    on_disk(copy.layout.raw).symlink_to(on_disk(year.layout.raw).absolute())
    return copy


def _transformed(context: StageContext, days: DayRange) -> DataFrame:
    table = context.use_case.table(FEATURES)
    inputs = [
        context.table(context.use_case.table(source.name)).read(context.spark, days.widened(-source.first, source.last))
        for source in table.sources
    ]
    features: DataFrame = resolve.function(context.use_case.package, table.by)(*inputs)
    return features.filter(F.col(table.day).between(F.lit(days.first), F.lit(days.last)))


def _same(ours: DataFrame, peer: DataFrame) -> int:
    """The number of rows, after a check that both wrote the same rows; otherwise the comparison is meaningless."""
    peer = peer.select(*ours.columns)
    rows = ours.count()
    assert rows == peer.count()
    assert ours.exceptAll(peer).isEmpty()
    return rows
