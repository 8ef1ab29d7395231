"""A small lake of real flights in S3: the same rows, by the same publish ids, as on the local disk."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import lakes
import pytest
from headrace import config as configuration
from headrace import storage
from headrace.errors import BadInputError, BatchRefusedError
from headrace.lake.maintenance import compact, vacuum
from headrace.lake.publications import exists, path_of, publications
from headrace.landing.record import read_record
from headrace.sizing.ledger import runs
from headrace.stages.build import build_tables
from headrace.stages.job import Job
from headrace.stages.land import land_feeds
from headrace.storage import Place, S3Path
from pyspark.sql import SparkSession

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark")]
CONF = lakes.PROJECT / "conf"
TABLES = ("flights.legs", "flights.outcomes", "flights.features")
BUILT = lakes.days("01-01", "01-12")
D = lakes.day("01-05")


def delivered(root: Place, scratch: Path) -> Job:
    """A job on an empty lake and an inbox with the small delivery, both below ``root``."""
    lakes.small_inbox(root / "inbox", scratch)
    return lakes.job_at(configuration.load("local", CONF), root / "root", root / "inbox")


def built(root: Place, scratch: Path) -> Job:
    job = delivered(root, scratch)
    land_feeds(job, BUILT, [])
    build_tables(job, "flights.features", BUILT)
    return job


@pytest.fixture(scope="module")
def on_disk(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """To be read only."""
    return built(tmp_path_factory.mktemp("lake"), tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def in_s3(spark: SparkSession, bucket: S3Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """To be read only."""
    return built(bucket / "lake", tmp_path_factory.mktemp("data"))


def contents(files: Iterable[Place], root: Place) -> dict[str, bytes]:
    return {storage.below(root, each): each.read_bytes() for each in files if each.is_file()}


def test_what_is_delivered_and_landed_in_s3_has_the_bytes_that_it_has_on_a_disk(on_disk: Job, in_s3: Job) -> None:
    inboxes = [contents(job.config.inbox.rglob("*"), job.config.inbox) for job in (on_disk, in_s3)]
    assert inboxes[0] == inboxes[1]
    landed = [contents(job.config.raw.rglob("*.gz"), job.config.raw) for job in (on_disk, in_s3)]
    assert landed[0] == landed[1]
    assert len(landed[0]) == 3 * len(BUILT) + 2


def test_tables_in_s3_hold_the_rows_that_they_hold_on_a_disk(on_disk: Job, in_s3: Job) -> None:
    for table in TABLES:
        rows = lakes.rows_of(in_s3, table)
        assert rows == lakes.rows_of(on_disk, table)
        assert len(rows) > 1000


def test_days_in_s3_are_published_by_the_ids_that_they_have_on_a_disk(on_disk: Job, in_s3: Job) -> None:
    for table in TABLES:
        assert lakes.ids_of(in_s3, table) == lakes.ids_of(on_disk, table)
        assert list(lakes.ids_of(in_s3, table)) == list(BUILT)


def test_a_second_run_in_s3_lands_and_commits_nothing(in_s3: Job) -> None:
    before = read_record(in_s3.config.raw, "schedule", D)
    land_feeds(in_s3, BUILT, [])
    build_tables(in_s3, "flights.features", BUILT)
    assert read_record(in_s3.config.raw, "schedule", D) == before
    assert lakes.commits(in_s3, *TABLES) == dict.fromkeys(TABLES, 1)


def test_runs_in_s3_are_told_oldest_first_with_what_they_read_and_wrote(in_s3: Job) -> None:
    land, build, *_ = runs(in_s3.config.ledger)
    assert (land.stage, build.stage) == ("land", "build")
    assert (land.outcome, build.outcome) == ("done", "done")
    assert build.bytes_in > 0
    assert build.bytes_out > 100_000
    assert build.containers["driver"].jvm_bytes > 100_000_000


def test_maintenance_of_a_table_in_s3_keeps_its_rows_and_publications(
    in_s3: Job, spark: SparkSession, folder: S3Path, tmp_path: Path
) -> None:
    source, copy = path_of(in_s3.config.tables, "flights.legs"), path_of(folder, "flights.legs")
    for file in storage.download(source, tmp_path / "legs").rglob("*"):
        if file.is_file():
            storage.upload(file, copy / file.relative_to(tmp_path / "legs"))
    before = publications(copy)
    assert compact(spark, copy) >= 0
    vacuum(spark, copy)
    assert {day: p.id for day, p in publications(copy).items()} == {day: p.id for day, p in before.items()}
    assert spark.read.format("delta").load(storage.spark_uri(copy)).count() == sum(p.rows for p in before.values())


def test_a_refused_batch_leaves_its_data_docs_in_the_bucket_and_publishes_nothing(
    folder: S3Path, tmp_path: Path
) -> None:
    job = delivered(folder, tmp_path)
    lakes.change(job, "schedule", D, lakes.of_first("carrier", "USA"))
    land_feeds(job, lakes.days("01-04", "01-05"), [])  # legs look a day back at the weather
    with pytest.raises(BatchRefusedError, match="expect_column_value_lengths_to_equal carrier") as raised:
        build_tables(job, "flights.legs", lakes.days("01-05"))
    assert not exists(path_of(job.config.tables, "flights.legs"))
    page = storage.place(raised.value.hint.split("Open ")[1])
    assert page == job.config.data_docs_page
    first = page.read_text()
    lakes.change(job, "schedule", D, lakes.of_first("carrier", "US"))
    land_feeds(job, lakes.days("01-05"), ["schedule"])
    build_tables(job, "flights.legs", lakes.days("01-05"))
    pages = [storage.below(page.parent, each) for each in page.parent.rglob("*.html")]
    results = [each for each in pages if each.startswith("validations/")]
    assert len(results) == 2  # the refused batch's, and that of the one that was put right
    assert [each in first for each in results].count(True) == 1
    assert all(each in page.read_text() for each in results)


def test_a_bad_file_in_s3_is_named_as_a_person_finds_it(folder: S3Path, tmp_path: Path) -> None:
    job = delivered(folder, tmp_path)
    torn = lakes.delivered_file(job, "schedule", D)
    storage.write(torn, torn.read_bytes()[:-50])
    with pytest.raises(BadInputError) as raised:
        land_feeds(job, lakes.days("01-05"), ["schedule"])
    assert raised.value.what.startswith(
        f"s3://{folder.bucket}/{folder.key}/inbox/schedule/2013-01-05/schedule.csv.gz is"
    )
    assert read_record(job.config.raw, "schedule", D) is None
