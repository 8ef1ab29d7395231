"""A small lake of real flights in S3 has the same rows and publish ids as on the local disk."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from headrace import storage
from headrace.days import DayRange
from headrace.errors import BadInputError, BatchRefusedError
from headrace.lake.table import Lake
from headrace.landing.record import read_record
from headrace.ledger.record import runs
from headrace.stages.context import StageContext
from headrace.storage import Place, S3Path
from pyspark.sql import SparkSession

from tests.support import lakes, shared_lake

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark")]
TABLES = ("flights.legs", "flights.outcomes", "flights.features")
BUILT = lakes.days("01-01", "01-12")
D = lakes.day("01-05")


def delivered(root: Place, scratch: Path, days: DayRange) -> StageContext:
    """An empty lake, and an inbox with the small delivery of ``days``, both below ``root``."""
    lakes.small_inbox(root / "inbox", scratch, days)
    return lakes.local_context(root / "root", root / "inbox")


@pytest.fixture(scope="module")
def on_disk(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """The shared lake, which has more days. Only for reading."""
    lake = shared_lake.built()
    return lakes.copy_of(lakes.local_context(lake / "root", lake / "inbox"), tmp_path_factory.mktemp("lake"))


@pytest.fixture(scope="module")
def in_s3(spark: SparkSession, bucket: S3Path, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """``BUILT`` landed and built in S3. Only for reading."""
    context = delivered(bucket / "lake", tmp_path_factory.mktemp("data"), lakes.DELIVERED)
    lakes.land(context, BUILT)
    lakes.build(context, lakes.FEATURES, BUILT)
    return context


def contents(files: Iterable[Place], root: Place) -> dict[str, bytes]:
    return {storage.below(root, file): file.read_bytes() for file in files if file.is_file()}


def test_what_is_delivered_and_landed_in_s3_has_the_bytes_that_it_has_on_a_disk(
    on_disk: StageContext, in_s3: StageContext
) -> None:
    inboxes = [contents(context.config.inbox.rglob("*"), context.config.inbox) for context in (on_disk, in_s3)]
    assert inboxes[0] == inboxes[1]
    landed = [contents(context.layout.raw.rglob("*.gz"), context.layout.raw) for context in (on_disk, in_s3)]
    assert {path: landed[0].get(path) for path in landed[1]} == landed[1]
    assert len(landed[1]) == 3 * len(BUILT) + 2


def test_tables_in_s3_hold_the_rows_that_they_hold_on_a_disk(on_disk: StageContext, in_s3: StageContext) -> None:
    for table in TABLES:
        rows = lakes.rows_of(in_s3, table)
        assert rows == lakes.rows_of(on_disk, table, BUILT)
        assert len(rows) > 1000


def test_days_in_s3_are_published_by_the_ids_that_they_have_on_a_disk(
    on_disk: StageContext, in_s3: StageContext
) -> None:
    for table in TABLES:
        on_disk_ids = lakes.ids_of(on_disk, table)
        assert lakes.ids_of(in_s3, table) == {day: on_disk_ids[day] for day in BUILT}


def test_a_second_run_in_s3_lands_and_commits_nothing(in_s3: StageContext) -> None:
    before = read_record(in_s3.layout.raw, "schedule", D)
    lakes.land(in_s3, BUILT)
    lakes.build(in_s3, "flights.features", BUILT)
    assert read_record(in_s3.layout.raw, "schedule", D) == before
    assert lakes.commits(in_s3, *TABLES) == dict.fromkeys(TABLES, 1)


def test_the_ledger_in_s3_lists_runs_oldest_first_with_what_they_read_and_wrote(in_s3: StageContext) -> None:
    land, build, *_ = runs(in_s3.layout.ledger)
    assert (land.stage, build.stage) == ("land", "build")
    assert (land.outcome, build.outcome) == ("done", "done")
    assert build.bytes_in > 0
    assert build.bytes_out > 100_000
    assert build.containers["driver"].jvm_bytes > 100_000_000


def test_maintenance_of_a_table_in_s3_keeps_its_rows_and_publications(
    in_s3: StageContext, spark: SparkSession, folder: S3Path, tmp_path: Path
) -> None:
    source, copy = in_s3.lake.table("flights.legs"), Lake(folder).table("flights.legs")
    for file in storage.download(source.path, tmp_path / "legs").rglob("*"):
        if file.is_file():
            storage.upload(file, copy.path / file.relative_to(tmp_path / "legs"))
    before = dict(copy.publications)
    assert copy.compact(spark) >= 0
    copy.vacuum(spark)
    copy.refresh()
    assert copy.publish_ids == {day: p.id for day, p in before.items()}
    assert spark.read.format("delta").load(storage.spark_uri(copy.path)).count() == sum(p.rows for p in before.values())


def test_a_refused_batch_leaves_its_data_docs_in_the_bucket_and_publishes_nothing(
    folder: S3Path, tmp_path: Path
) -> None:
    context = delivered(folder, tmp_path, lakes.days("01-01", "01-05"))
    lakes.change(context, "schedule", D, lakes.of_first("carrier", "USA"))
    lakes.land(context, lakes.days("01-04", "01-05"))  # legs look a day back at the weather
    with pytest.raises(BatchRefusedError, match="expect_column_value_lengths_to_equal carrier") as raised:
        lakes.build(context, "flights.legs", lakes.days("01-05"))
    assert lakes.commits(context, "flights.legs") == {"flights.legs": 0}
    named = re.search(r"\(open (\S+)\)", raised.value.what)
    assert named
    page = storage.place(named[1])
    assert "USA" in page.read_text()
    lakes.change(context, "schedule", D, lakes.of_first("carrier", "US"))
    lakes.land(context, lakes.days("01-05"), "schedule")
    lakes.build(context, "flights.legs", lakes.days("01-05"))
    site = context.layout.data_docs_page.parent
    results = [storage.below(site, path) for path in site.rglob("*flights.legs-*.html") if "suite-" not in path.name]
    assert sorted("-passed-" in path for path in results) == [False, True]  # the refused batch, and the corrected one
    listed = (page.parent / "index.html").read_text()
    assert all(path.rpartition("/")[2] in listed for path in results)
    assert f"{page.parent.name}/index.html" in context.layout.data_docs_page.read_text()


def test_a_bad_file_in_s3_is_named_as_a_person_finds_it(folder: S3Path, tmp_path: Path) -> None:
    context = delivered(folder, tmp_path, lakes.days("01-01", "01-05"))
    torn = lakes.delivered_file(context, "schedule", D)
    storage.write(torn, torn.read_bytes()[:-50])
    with pytest.raises(BadInputError) as raised:
        lakes.land(context, lakes.days("01-05"), "schedule")
    assert raised.value.what.startswith(
        f"s3://{folder.bucket}/{folder.key}/inbox/schedule/2013-01-05/schedule.csv.gz is"
    )
    assert read_record(context.layout.raw, "schedule", D) is None
