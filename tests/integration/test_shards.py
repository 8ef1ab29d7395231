"""An encoder fitted by Spark, and the shards that Spark writes with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from headrace.declare import category, cyclic, number
from headrace.encoding.encoder import Encoder
from headrace.encoding.fitted import FittedCategory, FittedCategoryFile, FittedNumber
from headrace.encoding.words import vocabularies
from headrace.errors import ArtefactError, BadInputError, ContractError
from headrace.training import shards
from headrace.training.interval import Interval, first_rows
from headrace.training.shards import Shards, Target
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

INPUTS = [*number("n"), *category("c", min_count=2)]


def numbered(spark: SparkSession, rows: int) -> DataFrame:
    """Rows whose ``n`` is their ``id``, so that the encoded value identifies a row."""
    return spark.range(rows, numPartitions=2).select(
        "id", F.col("id").cast("double").alias("n"), (F.col("id") % 3).alias("c"), (F.col("id") % 2).alias("label")
    )


@pytest.fixture
def frame(spark: SparkSession) -> DataFrame:
    return numbered(spark, 1000)


@pytest.fixture
def encoder() -> Encoder:
    return Encoder(
        inputs=(
            FittedNumber(column="n", mean=0, std=1, clip=1e9),
            FittedCategory(column="c", vocabulary=("0", "1", "2")),
        )
    )


def write(frame: DataFrame, encoder: Encoder, folder: Path, content: str = "a") -> Shards:
    return shards.write(frame, encoder, Target(content, ("id",), 1, folder))


def test_the_vocabulary_has_what_occurs_often_enough_and_numbers_leave_out_what_is_not_finite(
    spark: SparkSession, tmp_path: Path
) -> None:
    rows = [
        ("b", 1.0, True),
        ("b", 3.0, True),
        ("a", float("nan"), None),
        ("a", float("inf"), False),
        ("z", None, False),
    ]
    frame = spark.createDataFrame(rows, "c string, n double, b boolean")
    inputs = [*category("c", "b", min_count=2), *number("n", clip=4.0), *cyclic("n", period=9.0)]
    encoder = Encoder.fit(frame, inputs, tmp_path)
    assert encoder.inputs[:3] == (
        FittedCategory(column="c", vocabulary=("a", "b")),
        FittedCategory(column="b", vocabulary=("false", "true")),
        FittedNumber(column="n", mean=2.0, std=1.0, clip=4.0),
    )


def test_a_vocabulary_of_many_words_is_a_file_and_gives_the_ids_of_the_same_words_in_the_json(
    spark: SparkSession, tmp_path: Path
) -> None:
    texts = ["", "b", "B", "ä", "🛫", "zz", "10", "9"]
    rows = [(text, n % 2) for n, text in enumerate([*texts * 2, "rare", None])]
    frame = spark.createDataFrame(rows, "many string, few int").withColumn("none", F.lit("x")).repartition(3)
    asked = pa.array([*texts, "rare", None, "c"])
    in_file, in_json = (
        vocabularies(frame, {"few": 1, "none": 99, "many": 2}, tmp_path, inline=most) for most in (7, 8)
    )
    assert in_json["many"] == FittedCategory(column="many", vocabulary=tuple(sorted(texts)))
    assert isinstance(in_file["many"], FittedCategoryFile)
    assert in_file["many"].size == 8
    assert in_file["few"] == in_json["few"] == FittedCategory(column="few", vocabulary=("0", "1"))
    assert in_file["none"] == FittedCategory(column="none", vocabulary=())
    assert in_file["many"].ids(asked, tmp_path).tolist() == in_json["many"].ids(asked).tolist()
    assert [path.name for path in tmp_path.iterdir()] == [in_file["many"].file]


def test_a_fraction_cannot_be_a_category(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="column n is double"):
        Encoder.fit(spark.createDataFrame([(1.0,)], "n double"), category("n"), tmp_path)


def test_a_small_encoder_and_its_shards_keep_the_bits_of_earlier_releases(
    spark: SparkSession, encoder: Encoder, tmp_path: Path
) -> None:
    again = Encoder.from_json(encoder.to_json())
    assert again.digest == "89248cb28c7b49c50fa85ade0dbf9e47d6b5c351c3854e6e4055b7d82d131b63"
    written = write(numbered(spark, 2000), again, tmp_path)
    assert written.digest == "e5a2fc6716ab859ce3024bbb410319c8caf8de3b50306fa55a73cd6102b12277"


def test_a_small_frame_has_few_files(frame: DataFrame, encoder: Encoder, tmp_path: Path) -> None:
    assert [len(write(frame.where(f"id < {n}"), encoder, tmp_path, content=str(n)).files) for n in (100, 600)] == [1, 4]


def test_shards_do_not_depend_on_how_spark_partitions_the_rows(
    frame: DataFrame, encoder: Encoder, tmp_path: Path
) -> None:
    one = write(frame, encoder, tmp_path / "one")
    other = write(frame.orderBy(F.desc("id")).repartition(5), encoder, tmp_path / "other")
    assert [f.sha256 for f in one.files] == [f.sha256 for f in other.files]


def test_ranks_share_out_every_row_once_in_an_order_that_is_not_the_tables(
    frame: DataFrame, encoder: Encoder, tmp_path: Path
) -> None:
    written = write(frame, encoder, tmp_path)
    intervals = [Interval(written, rank, 3) for rank in range(3)]
    rows = [interval.slice(0, interval.rows) for interval in intervals]
    ids = np.concatenate([r.dense[:, 0] for r in rows]).astype(int)
    assert [interval.rows for interval in intervals] == [333, 333, 334]
    assert sorted(ids) == list(range(1000))
    assert abs(np.corrcoef(ids, np.arange(1000))[0, 1]) < 0.1
    assert np.concatenate([r.label for r in rows]).tolist() == (ids % 2).tolist()
    assert np.concatenate([r.ids[:, 0] for r in rows]).tolist() == (ids % 3 + 1).tolist()


def test_the_same_content_is_not_written_again_and_another_is(
    frame: DataFrame, encoder: Encoder, tmp_path: Path
) -> None:
    first = write(frame, encoder, tmp_path)
    stamps = {f.file: (first.folder / f.file).stat().st_mtime_ns for f in first.files}
    assert write(frame.where("false"), encoder, tmp_path) == first
    assert {f.file: (first.folder / f.file).stat().st_mtime_ns for f in first.files} == stamps
    assert write(frame.where("id < 500"), encoder, tmp_path, content="b").rows == 500


def test_a_folder_that_lost_a_file_is_written_again(frame: DataFrame, encoder: Encoder, tmp_path: Path) -> None:
    first = write(frame, encoder, tmp_path)
    (first.folder / first.files[1].file).unlink()
    assert write(frame, encoder, tmp_path) == first
    assert Interval(first).rows == 1000


def test_a_tampered_shard_is_refused(frame: DataFrame, encoder: Encoder, tmp_path: Path) -> None:
    written = write(frame, encoder, tmp_path)
    path = written.folder / written.files[0].file
    path.write_bytes(path.read_bytes().replace(b"\x00\x00\x80\x3f", b"\x00\x00\x00\x00", 1))
    with pytest.raises(ArtefactError, match=path.name):
        first_rows(written, 1)


def test_the_first_rows_are_read_without_the_files_that_have_none_of_them(
    frame: DataFrame, encoder: Encoder, tmp_path: Path
) -> None:
    written = write(frame, encoder, tmp_path)
    rows = written.files[0].rows + 1
    expected = Interval(written).slice(0, rows)
    (written.folder / written.files[2].file).unlink()
    np.testing.assert_array_equal(first_rows(written, rows).dense, expected.dense)


def test_no_rows_are_refused_and_leave_nothing_that_looks_whole(
    frame: DataFrame, encoder: Encoder, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError):
        write(frame.where("false"), encoder, tmp_path)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
