"""P6: a suite of 20 expectations on 2M rows of one day, beside plain Great Expectations.

Ours is what a build runs: the verdict of the day and its page. The peer is a checkpoint of Great Expectations with its
default results, which renders its own page. ``verdicts only`` is Great Expectations without results and pages. Both
judge another frame, on which expectations fail, alike. All read the same Parquet in the same session, in turns.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.quality.expectations import Suite
from headrace.quality.judge import Judge
from headrace.quality.suite import failing_days

from bench.lake import local_context
from bench.result import Result, cores
from bench.turns import in_turns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROWS, TURNS = 2_000_000, 3
DAY = dt.date(2026, 1, 1)
MAX_RATIO = 0.5


def expect(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": kwargs}


EXPECTATIONS = [
    expect("table_row_count_to_be_between", min_value=1),
    expect("column_values_to_not_be_null", column="id"),
    expect("column_values_to_not_be_null", column="customer"),
    expect("column_values_to_not_be_null", column="price"),
    expect("column_values_to_not_be_null", column="rate", mostly=0.9),
    expect("column_values_to_be_in_set", column="colour", value_set=["red", "green", "blue"]),
    expect("column_values_to_be_in_set", column="weekday", value_set=list(range(7))),
    expect("column_values_to_be_between", column="price", min_value=0, max_value=100),
    expect("column_values_to_be_between", column="amount", min_value=0, max_value=1000),
    expect("column_values_to_be_between", column="pieces", min_value=0, max_value=10),
    expect("column_values_to_be_between", column="rate", min_value=0, max_value=1, mostly=0.99),
    expect("column_values_to_match_regex", column="customer", regex="^C-?[0-9]+$"),
    expect("column_value_lengths_to_be_between", column="customer", min_value=2, max_value=6),
    expect("column_mean_to_be_between", column="price", min_value=40, max_value=60),
    expect("column_min_to_be_between", column="amount", min_value=0, max_value=1),
    expect("column_max_to_be_between", column="amount", min_value=900, max_value=1000),
    expect("column_stdev_to_be_between", column="price", min_value=10, max_value=40),
    expect("column_sum_to_be_between", column="pieces", min_value=0),
    expect("column_pair_values_a_to_be_greater_than_b", column_A="received", column_B="sent", or_equal=True),
    expect("column_values_to_be_unique", column="id"),
]


def run(rows: int = ROWS, turns: int = TURNS) -> Result:
    """Measure; seconds are medians."""
    spark = local_context().spark
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        frame = _frame(spark, folder, rows)
        suite = folder / "orders.json"
        suite.write_text(json.dumps({"name": "orders", "expectations": EXPECTATIONS}))
        _compare(suite, frame)
        ways: dict[str, Callable[[], object]] = {
            "ours": lambda: _ours(frame, suite, folder / "site"),
            "peer": lambda: _plain(frame, folder / "plain"),
            "verdicts only": lambda: _failed(frame),
        }
        timed = in_turns(ways, turns)
        jobs = {name: _jobs(spark, way) for name, way in ways.items()}
    ratio = timed["ours"].median / timed["peer"].median
    return Result(
        id="P6",
        what=f"a suite of {len(EXPECTATIONS)} expectations / plain Great Expectations (less is better)",
        ours=round(timed["ours"].median, 2),
        peer=round(timed["peer"].median, 2),
        unit="s",
        ratio=round(ratio, 3),
        aim=f"<= {MAX_RATIO}, same verdicts",
        met=ratio <= MAX_RATIO,
        cores=cores(),
        rows=rows,
        jobs=jobs,
        seconds={name: times.rounded for name, times in timed.items()},
    )


def _frame(spark: SparkSession, folder: Path, rows: int) -> DataFrame:
    """Rows of one day in Parquet, on which all expectations hold."""
    from pyspark.sql import functions as F

    n = F.col("id")
    colours = F.array(*[F.lit(colour) for colour in ("red", "green", "blue")])
    frame = spark.range(rows).select(
        F.lit(DAY).alias("day"), "id", (n % 7).cast("int").alias("weekday"),
        F.concat(F.lit("C"), (F.hash(n) % 1000).cast("string")).alias("customer"),
        F.element_at(colours, (n % 3 + 1).cast("int")).alias("colour"),
        (F.rand(1) * 100).alias("price"), (F.rand(2) * 1000).alias("amount"),
        (F.rand(3) * 10).cast("int").alias("pieces"),
        F.when(n % 50 != 0, F.rand(4)).alias("rate"), n.alias("sent"), (n + 5).alias("received"),
    )  # fmt: skip
    frame.write.parquet(str(folder / "rows"))
    return spark.read.parquet(str(folder / "rows"))


def _compare(suite: Path, frame: DataFrame) -> None:
    """Check that both judge each expectation alike; otherwise the comparison is meaningless."""
    from pyspark.sql import functions as F

    cheap = F.when(F.col("id") % 9 != 0, F.col("price") - 50)
    bad = frame.withColumns({"price": cheap, "id": F.col("id") % 1000, "colour": F.lit("pink"), "sent": F.lit(9)})
    for judged, some_fail in ((frame, False), (bad, True)):
        ours = Judge(Suite(suite), judged, "day", [DAY]).failed.get(DAY, [])
        assert ours == _failed(judged), (ours, _failed(judged))
        assert bool(ours) == some_fail, ours


def _ours(frame: DataFrame, suite: Path, site: Path) -> None:
    assert failing_days(frame, "day", [DAY], suite, "orders", site) == {}


def _plain(frame: DataFrame, folder: Path) -> None:
    """A checkpoint with Great Expectations' defaults. Its history is removed, because it would slow the next run."""
    import great_expectations as gx
    from great_expectations.checkpoint import UpdateDataDocsAction
    from great_expectations.core import ExpectationSuite

    shutil.rmtree(folder, ignore_errors=True)
    context = gx.get_context(mode="file", project_root_dir=folder)
    context.variables.progress_bars = {"globally": False}
    suite = context.suites.add(ExpectationSuite(name="orders", expectations=EXPECTATIONS))
    asset = context.data_sources.add_spark("orders").add_dataframe_asset("orders")
    batch = asset.add_batch_definition_whole_dataframe("batch")
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="orders", data=batch, suite=suite))
    actions = [UpdateDataDocsAction(name="docs")]
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name="orders", validation_definitions=[definition], actions=actions)
    )
    assert checkpoint.run(batch_parameters={"dataframe": frame}).success
    frame.unpersist()  # Great Expectations has persisted it


def _failed(frame: DataFrame) -> list[int]:
    """The places of the expectations that fail, as Great Expectations alone says."""
    import great_expectations as gx
    from great_expectations.core import ExpectationSuite

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_spark("orders").add_dataframe_asset("orders")
    batch = asset.add_batch_definition_whole_dataframe("batch").get_batch(batch_parameters={"dataframe": frame})
    numbered = [{**expectation, "meta": {"place": place}} for place, expectation in enumerate(EXPECTATIONS)]
    suite = ExpectationSuite(name="orders", expectations=numbered)
    results = batch.validate(suite, result_format="BOOLEAN_ONLY").results
    frame.unpersist()
    return sorted(result.expectation_config.meta["place"] for result in results if not result.success)


def _jobs(spark: SparkSession, way: Callable[[], object]) -> int:
    """How many Spark jobs a way runs."""
    tracker, group = spark.sparkContext.statusTracker(), "p6"
    spark.sparkContext.setJobGroup(group, "counted")
    before = len(tracker.getJobIdsForGroup(group))
    way()
    return len(tracker.getJobIdsForGroup(group)) - before
