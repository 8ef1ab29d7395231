"""Publishing is a compare-and-swap: older rows never replace newer ones, and other days are not in the way."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest
from delta import exceptions
from delta.tables import DeltaTable
from headrace.days import DayRange
from headrace.errors import WriteConflictError
from headrace.lake import DayContents, Lake, LakeTable
from headrace.lake import table as lake_table
from headrace.lake.conflicts import conflicts_of
from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.slow
FIRST, SECOND, THIRD = (dt.date(2026, 1, day) for day in (1, 2, 3))
EVERY_CONFLICT = sorted(name for name in dir(exceptions) if name.endswith("Exception"))


def opened(folder: Path) -> LakeTable:
    """The table as a new process sees it."""
    return Lake(folder).table("sales.orders", day="day")


def frame(spark: SparkSession, value: str, days: Iterable[dt.date]) -> DataFrame:
    return spark.createDataFrame([(day, value) for day in days], "day date, value string")


def publish(spark: SparkSession, table: LakeTable, value: str, *days: dt.date) -> None:
    """Publish one row for each day; the days' publish id is the row's value."""
    table.publish(frame(spark, value, days), DayContents(dict.fromkeys(days, value), dict.fromkeys(days, 1)))


def rows_of(folder: Path) -> dict[dt.date, str]:
    return {row["day"]: row["value"] for row in opened(folder).delta().to_pyarrow_table().to_pylist()}


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Path:
    publish(spark, opened(tmp_path), "v1", FIRST, SECOND)
    return tmp_path


def test_a_publication_from_older_input_is_refused_and_the_newer_rows_stay(spark: SparkSession, lake: Path) -> None:
    older, newer = opened(lake), opened(lake)
    assert older.publish_ids == newer.publish_ids == {FIRST: "v1", SECOND: "v1"}  # both planned
    publish(spark, newer, "v3", SECOND)
    with pytest.raises(WriteConflictError, match=r"another writer published 2026-01-02 of sales\.orders first") as lost:
        publish(spark, older, "v2", FIRST, SECOND)
    assert lost.value.exit_code == 75
    assert rows_of(lake) == {FIRST: "v1", SECOND: "v3"}
    assert opened(lake).publish_ids == {FIRST: "v1", SECOND: "v3"}


def test_the_rows_are_written_again_if_others_published_only_other_days(spark: SparkSession, lake: Path) -> None:
    slow, quick = opened(lake), opened(lake)
    assert slow.version == 0
    publish(spark, quick, "other", THIRD)
    publish(spark, slow, "v2", FIRST)
    assert rows_of(lake) == {FIRST: "v2", SECOND: "v1", THIRD: "other"}
    assert opened(lake).publish_ids == rows_of(lake)
    assert opened(lake).delta().version() == 2  # the try that came second left no commit


def test_a_publication_whose_reply_was_lost_counts(
    spark: SparkSession, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = lake_table.publish

    def committed_without_reply(*arguments: object, **named: object) -> None:
        original(*arguments, **named)  # type: ignore[arg-type]
        raise ConnectionError("no reply")

    monkeypatch.setattr(lake_table, "publish", committed_without_reply)
    publish(spark, opened(lake), "v2", FIRST)
    assert opened(lake).publish_ids == {FIRST: "v2", SECOND: "v1"}
    assert opened(lake).delta().version() == 1


def test_the_last_of_several_ranges_is_compared_with_what_stood_when_they_were_planned(
    spark: SparkSession, lake: Path
) -> None:
    rebuild, daily = opened(lake), opened(lake)
    planned = rebuild.publications
    publish(spark, daily, "newer", SECOND)
    first = DayContents({FIRST: "v2"}, {FIRST: 1})
    rebuild.publish(frame(spark, "v2", [FIRST]), first, planned)
    with pytest.raises(WriteConflictError):
        rebuild.publish(frame(spark, "v2", [SECOND]), DayContents({SECOND: "v2"}, {SECOND: 1}), planned)
    assert rows_of(lake) == {FIRST: "v2", SECOND: "newer"}


def test_a_daily_run_gets_through_beside_a_rebuild_that_commits_all_the_time(spark: SparkSession, lake: Path) -> None:
    done = threading.Event()
    rebuilt = [dt.date(2025, 1, day) for day in range(1, 25)]

    def rebuild() -> None:
        table = opened(lake)
        for day in rebuilt:
            publish(spark, table, "rebuilt", day)
            if done.is_set():
                break

    beside = threading.Thread(target=rebuild)
    beside.start()
    publish(spark, opened(lake), "daily", THIRD)
    done.set()
    beside.join()
    published = opened(lake).publish_ids
    assert published[THIRD] == "daily"
    assert 0 < sum(value == "rebuilt" for value in published.values()) <= len(rebuilt)
    assert rows_of(lake) == published


def test_a_table_stays_readable_at_the_version_that_was_found_first(spark: SparkSession, lake: Path) -> None:
    reader = opened(lake)
    assert reader.publish_ids == {FIRST: "v1", SECOND: "v1"}
    publish(spark, opened(lake), "v2", FIRST, SECOND)
    seen = {row["day"]: row["value"] for row in reader.read(spark, DayRange(FIRST, SECOND)).collect()}
    assert seen == {FIRST: "v1", SECOND: "v1"} == reader.publish_ids
    reader.refresh()
    seen = {row["day"]: row["value"] for row in reader.read(spark, DayRange(FIRST, SECOND)).collect()}
    assert seen == {FIRST: "v2", SECOND: "v2"} == reader.publish_ids


@pytest.mark.parametrize("name", EVERY_CONFLICT)
def test_every_conflict_that_delta_knows_may_be_tried_again(name: str) -> None:
    conflict = getattr(exceptions, name)
    met = f"changed /lake/orders at the same time .{name}."
    with pytest.raises(WriteConflictError, match=met) as raised, conflicts_of(Path("/lake/orders")):
        raise conflict("two writers met")
    assert raised.value.exit_code == 75


def test_delta_knows_seven_kinds_of_conflict_and_their_base() -> None:
    assert len(EVERY_CONFLICT) == 8


@pytest.mark.parametrize("how", ["RESTORE", "UPDATE", "DELETE", "MERGE"])
def test_days_whose_rows_were_changed_by_hand_lose_their_publication(spark: SparkSession, lake: Path, how: str) -> None:
    publish(spark, opened(lake), "v2", SECOND)
    table = DeltaTable.forPath(spark, str(opened(lake).path))
    if how == "RESTORE":
        table.restoreToVersion(0)
    elif how == "UPDATE":
        table.update("day = '2026-01-02'", {"value": "'by hand'"})
    elif how == "DELETE":
        table.delete("day = '2026-01-02'")
    else:
        changes = frame(spark, "merged", [SECOND]).alias("new")
        table.alias("old").merge(changes, "old.day = new.day").whenMatchedUpdate(set={"value": "new.value"}).execute()
    found = opened(lake)
    assert found.publish_ids == {FIRST: "v1"}
    assert {day: change.operation for day, change in found.changes.items()} == {SECOND: how}
    publish(spark, found, "v3", SECOND)
    assert opened(lake).publish_ids == {FIRST: "v1", SECOND: "v3"} == rows_of(lake)
