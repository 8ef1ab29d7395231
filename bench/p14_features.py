"""P14: the features of the real year in Spark, beside the same features in DuckDB from the same files.

Both read the legs and outcomes, compute all features, and write them as Parquet. The first turn is what a job pays,
as Spark compiles its code then. Turns with copies of the rows show from which size on Spark wins.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from flights.transforms.features import features
from headrace.ledger.usage import watched
from headrace.quality.compare import compare
from pyspark.sql import functions as F

from bench.lake import LEGS, OUTCOMES, YEAR, on_disk, year_built
from bench.result import Result, cores
from bench.turns import in_turns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SQL = Path(__file__).with_name("features.sql")
TIMES = {1: 3, 3: 1, 10: 1}  # rows for each real one, and turns
KEY = ["flight_date", "carrier", "flight", "origin"]
MAX_SECONDS = 40


def run(times: dict[int, int] = TIMES) -> Result:
    """Measure; ``ours`` and ``peer`` are the first turns with the real year."""
    context = year_built(table=OUTCOMES)
    scratch = on_disk(context.config.root) / "p14"
    shutil.rmtree(scratch, ignore_errors=True)
    real = [context.table(context.use_case.table(name)).read(context.spark, YEAR) for name in (LEGS, OUTCOMES)]
    sizes = {}
    for number, turns in times.items():
        files = [scratch / str(number) / name for name in ("legs", "outcomes")]
        for frame, folder in zip(real, files, strict=True):
            copied(frame, number).write.parquet(str(folder))
        sizes[number] = measured(context.spark, files, turns)
    shutil.rmtree(scratch)
    first = {way: figures["seconds"][0] for way, figures in sizes[1]["ways"].items()}
    faster = [size["rows"] for size in sizes.values() if _best(size, "spark") < _best(size, "duckdb")]
    return Result(
        id="P14",
        what="features of the real year to Parquet, first turn / the same in DuckDB (less is better)",
        ours=first["spark"],
        peer=first["duckdb"],
        unit="s",
        ratio=round(first["spark"] / first["duckdb"], 3),
        aim=f"<= {MAX_SECONDS} s",
        met=first["spark"] <= MAX_SECONDS,
        cores=cores(),
        rows=sizes[1]["rows"],
        spark_wins_at_rows=min(faster, default=None),
        sizes=list(sizes.values()),
    )


def copied(rows: DataFrame, times: int) -> DataFrame:
    """``times`` rows for each. Copies have other flight numbers and aircraft, and of each four copies the carriers."""
    copy = F.col("copy")
    return (
        rows.withColumn("copy", F.explode(F.sequence(F.lit(0), F.lit(times - 1))))
        .withColumn("flight", F.col("flight") + 10_000 * copy)
        .withColumn("tailnum", F.when(copy > 0, F.concat("tailnum", F.lit("-"), copy)).otherwise(F.col("tailnum")))
        .withColumn("carrier", F.when(copy > 3, F.concat("carrier", F.floor(copy / 4))).otherwise(F.col("carrier")))
        .drop("copy")
    )


def measured(spark: SparkSession, files: list[Path], turns: int) -> dict[str, Any]:
    """The rows, and for each way the seconds, CPU seconds and peak memory; after a check that the rows are the same."""
    written = {way: files[0].with_name(way) for way in ("spark", "duckdb")}
    cpu_seconds: dict[str, list[float]] = {way: [] for way in written}

    def by(way: str, compute: Callable[[list[Path], Path], None]) -> Callable[[], None]:
        def turn() -> None:
            shutil.rmtree(written[way], ignore_errors=True)
            with watched() as usage:
                compute(files, written[way])
                cpu_seconds[way].append(usage().cpu_seconds)

        return turn

    timed = in_turns({"spark": by("spark", partial(in_spark, spark)), "duckdb": by("duckdb", in_duckdb)}, turns, warm=0)
    ours, theirs = (spark.read.parquet(str(folder)) for folder in written.values())
    types = dict(ours.dtypes)
    compared = compare(ours, theirs.select(*[F.col(c).cast(types[c]) for c in theirs.columns]), KEY, KEY[0])
    assert compared.difference is None, compared.difference
    return {
        "rows": compared.rows,
        "ways": {way: {"seconds": timed[way].rounded, "cpu_seconds": cpu_seconds[way]} for way in written},
    }


def in_spark(spark: SparkSession, files: list[Path], to: Path) -> None:
    features(*[spark.read.parquet(str(folder)) for folder in files]).write.parquet(str(to))


def in_duckdb(files: list[Path], to: Path) -> None:
    to.mkdir()
    with duckdb.connect(config={"threads": cores()}) as database:
        database.execute("SET timezone = 'UTC'")
        for folder in files:
            database.execute(f"CREATE TABLE {folder.name} AS FROM read_parquet('{folder}/*.parquet')")
        database.execute(SQL.read_text(encoding="utf-8"))
        database.execute(f"COPY features TO '{to}/features.parquet' (FORMAT parquet)")


def _best(size: dict[str, Any], way: str) -> float:
    return min(size["ways"][way]["seconds"])
