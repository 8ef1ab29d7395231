"""Spark's workers write shards to S3, and ranks read local copies of them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from headrace import storage
from headrace.encoding.encoder import Encoder
from headrace.encoding.fitted import FittedCategory, FittedNumber
from headrace.errors import ArtefactError, BadInputError
from headrace.storage import Place, S3Path
from headrace.storage.copies import copies
from headrace.training import shards
from headrace.training.interval import Interval, first_rows
from headrace.training.shards import Shards, Target
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

pytestmark = [pytest.mark.usefixtures("bucket"), pytest.mark.slow]  # the bucket before Spark, whose workers need it
ENCODER = Encoder(
    inputs=(
        FittedNumber(column="n", mean=0, std=1, clip=1e9),
        FittedCategory(column="c", vocabulary=("0", "1", "2")),
    )
)


@pytest.fixture(autouse=True)
def machine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without copies from earlier runs, whose shards have the same digests."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("machine")))


@pytest.fixture
def frame(spark: SparkSession) -> DataFrame:
    """1000 rows whose ``n`` is their ``id``, so that the encoded value identifies a row."""
    return spark.range(1000, numPartitions=2).select(
        "id", F.col("id").cast("double").alias("n"), (F.col("id") % 3).alias("c"), (F.col("id") % 2).alias("label")
    )


def write(frame: DataFrame, folder: Place) -> Shards:
    return shards.write(frame, ENCODER, Target("a", ("id",), 1, folder))


def test_shards_in_s3_have_the_bytes_of_those_on_a_disk_and_every_rank_reads_the_same_rows(
    frame: DataFrame, folder: S3Path, tmp_path: Path
) -> None:
    in_s3, on_disk = write(frame, folder), write(frame, tmp_path)
    assert in_s3.files == on_disk.files
    assert [(in_s3.folder / f.file).read_bytes() for f in in_s3.files] == [
        (on_disk.folder / f.file).read_bytes() for f in on_disk.files
    ]
    for rank in range(3):
        ours, theirs = (Interval(written, rank, 3) for written in (in_s3, on_disk))
        assert ours.rows == theirs.rows == (333, 333, 334)[rank]
        for column, expected in zip(ours.slice(0, ours.rows), theirs.slice(0, theirs.rows), strict=True):
            np.testing.assert_array_equal(column, expected)


def test_the_same_content_is_not_written_again_and_a_lost_file_is(frame: DataFrame, folder: S3Path) -> None:
    first = write(frame, folder)
    assert write(frame.where("false"), folder) == first
    (first.folder / first.files[1].file).unlink()
    assert write(frame, folder) == first
    assert len(first_rows(first, 1000).label) == 1000


def test_no_rows_are_refused_and_leave_no_object(frame: DataFrame, folder: S3Path) -> None:
    with pytest.raises(BadInputError, match="no rows"):
        write(frame.where("false"), folder)
    assert list(folder.rglob("*")) == []


def test_a_shard_that_was_changed_is_refused_and_once_restored_it_is_read(frame: DataFrame, folder: S3Path) -> None:
    written = write(frame.where("id < 100"), folder)
    path = written.folder / written.files[0].file
    content = path.read_bytes()
    storage.write(path, content.replace(b"\x00\x00\x80\x3f", b"\x00\x00\x00\x00", 1))
    with pytest.raises(ArtefactError, match=rf"{path} is not the file that was written"):
        first_rows(written, 1)
    storage.write(path, content)
    rows = Interval(written, 0, 1)
    assert sorted(rows.slice(0, rows.rows).dense[:, 0].astype(int)) == list(range(100))


def test_a_whole_copy_is_read_again_and_one_that_was_changed_is_not(frame: DataFrame, folder: S3Path) -> None:
    written = write(frame.where("id < 100"), folder)
    assert len(first_rows(written, 100).label) == 100
    storage.remove(written.folder)
    assert len(first_rows(written, 100).label) == 100
    copy_of(written).write_bytes(b"?")
    with pytest.raises(ArtefactError, match="is not the file that was written"):
        first_rows(written, 1)


def test_a_copy_that_nobody_asked_for_in_three_days_is_removed_when_another_is_made(
    frame: DataFrame, folder: S3Path
) -> None:
    unused, used, new = (write(frame.where(f"id < {n}"), folder / str(n)) for n in (100, 200, 300))
    for written in (unused, used):
        first_rows(written, 1)
        os.utime(copy_of(written), (0, 0))
    first_rows(used, 1)
    first_rows(new, 1)
    assert [copy_of(written).exists() for written in (unused, used, new)] == [False, True, True]
    assert len(first_rows(unused, 100).label) == 100


def copy_of(written: Shards) -> Path:
    """The copy on this machine of the first file."""
    return copies() / written.files[0].sha256[:32]
