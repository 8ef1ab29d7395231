"""Staged rows lie in files of a declared size, and so do the days that are published from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from headrace import faults
from headrace.backends.spark_settings import file_settings
from headrace.errors import LostRowsError
from headrace.lake import DayContents, Lake, held_rows
from headrace.lake.staging import FEW_BYTES, Staging
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from tests.support.rush_lake import days

pytestmark = pytest.mark.slow
SMALL, LARGE = days(1, 30), days(1)
ROWS = 300_000  # of the large day: some 5 MB of numbers that cannot be packed


@pytest.fixture
def megabyte_files(spark: SparkSession) -> Iterator[SparkSession]:
    declared = {name: spark.conf.get(name) for name in file_settings(1)}
    for name, value in file_settings(1).items():
        spark.conf.set(name, value)
    yield spark
    for name, before in declared.items():
        spark.conf.set(name, before)


def rows(spark: SparkSession, count: int, on: Column) -> DataFrame:
    return spark.range(count, numPartitions=4).select(on.alias("day"), F.rand(1).alias("x"), F.rand(2).alias("y"))


def published(frame: DataFrame, folder: Path, within: object) -> Counter[object]:
    """Publish staged rows; returns the number of files of each day."""
    with Staging(folder / "staging") as staging:
        staged = staging.written(frame, "day")
        table = Lake(folder / "lake").table("sales.orders", day="day")
        table.publish(staged, DayContents(dict.fromkeys(within, "id"), {}))  # type: ignore[call-overload]
    assert not (folder / "staging").exists()
    return Counter(Path(file).parent.name for file in table.delta().file_uris())


def test_a_large_day_is_several_files(megabyte_files: SparkSession, tmp_path: Path) -> None:
    frame = rows(megabyte_files, ROWS, F.lit(LARGE.first))
    [files] = published(frame, tmp_path, LARGE).values()
    assert 4 <= files <= 8


def test_each_small_day_is_one_file(spark: SparkSession, tmp_path: Path) -> None:
    on = F.date_add(F.lit(SMALL.first), (F.col("id") % len(SMALL)).cast("int"))
    files = published(rows(spark, 3_000, on), tmp_path, SMALL)
    assert files == {f"day={day}": 1 for day in SMALL}


@pytest.fixture(params=["a disk", "S3, few rows", "S3, many rows"])
def staging(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Staging]:
    """Each way to stage. Rows for S3 are written to a disk here, in the same format."""
    monkeypatch.setattr("headrace.lake.staging.on_s3", lambda _: request.param.startswith("S3"))
    with Staging(tmp_path / "staging", FEW_BYTES + ("many" in request.param)) as opened:
        yield opened
    assert not (tmp_path / "staging").exists()


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Staging:
    """Staging of few rows in S3."""
    monkeypatch.setattr("headrace.lake.staging.on_s3", lambda _: True)
    return Staging(tmp_path / "staging", FEW_BYTES)


def test_staged_rows_are_those_of_the_frame_with_their_types(spark: SparkSession, staging: Staging) -> None:
    frame = spark.sql(
        "SELECT date'2026-01-01' AS day, CAST(NULL AS date) AS none, 1.5f AS f, 'é' AS text,"
        " timestamp'2026-01-01' AS at, array('a', NULL) AS reasons"
        " UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, array()"
    )
    staged = staging.written(frame, "day")
    assert [(f.name, f.dataType) for f in staged.schema] == [(f.name, f.dataType) for f in frame.schema]
    assert sorted(map(str, staged.collect())) == sorted(map(str, frame.collect()))


def test_staged_rows_are_computed_once(spark: SparkSession, staging: Staging) -> None:
    staged = staging.written(spark.range(3).select("id", F.expr("uuid()").alias("random")))
    assert sorted(staged.collect()) == sorted(staged.collect())


def test_rows_of_small_days_that_stay_with_executors_are_published_as_one_file_each(
    spark: SparkSession, few: Staging, tmp_path: Path
) -> None:
    on = F.date_add(F.lit(SMALL.first), (F.col("id") % len(SMALL)).cast("int"))
    with few:
        staged = few.written(rows(spark, 3_000, on), "day")
        table = Lake(tmp_path / "lake").table("sales.orders", day="day")
        table.publish(staged, DayContents(dict.fromkeys(SMALL, "id"), {}))
    files = Counter(Path(file).parent.name for file in table.delta().file_uris())
    assert files == {f"day={day}": 1 for day in SMALL}


def test_few_rows_take_no_file_are_dropped_and_can_be_made_again_if_they_are_lost(
    spark: SparkSession, few: Staging, tmp_path: Path
) -> None:
    before = kept(spark)
    with few:
        with few.part(FEW_BYTES) as part:
            lost = part.written(spark.range(3))
            assert kept(spark) > before
        assert not (tmp_path / "staging").exists()
        with pytest.raises(LostRowsError, match=r"rows .* are lost with their executor"), faults.translated():
            lost.collect()
        few.of_any_size().written(spark.range(3))
        assert (tmp_path / "staging").exists()
    assert not (tmp_path / "staging").exists()
    assert kept(spark) == before


def test_a_block_that_is_lost_is_found_at_once(spark: SparkSession, few: Staging) -> None:
    with few:
        held = few.written(spark.range(3))
        held_rows.check(held)
        held_rows.drop(held)
        with pytest.raises(LostRowsError, match="an executor was lost while rows were computed"):
            held_rows.check(held)


def kept(spark: SparkSession) -> set[int]:
    """The rows that executors keep, by their numbers."""
    return set(spark.sparkContext._jsc.getPersistentRDDs().keySet())  # type: ignore[attr-defined]
