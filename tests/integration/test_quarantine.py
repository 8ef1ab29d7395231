"""Quarantined rows belong to a publish id: readers see those whose id stands, and maintenance removes the others."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from headrace.lake.publications import PUBLISH_ID, Publication
from headrace.quality import quarantine
from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.slow
FIRST, SECOND = dt.date(2026, 1, 1), dt.date(2026, 1, 2)
COLUMNS = "day date, source string, reasons string, row string"


def bad(spark: SparkSession, row: str, *days: dt.date) -> DataFrame:
    return spark.createDataFrame([(day, "sales.orders", "not price > 0", row) for day in days], COLUMNS)


def stored(spark: SparkSession, table: Path) -> set[tuple[dt.date, str, str | None]]:
    rows = spark.read.format("delta").load(str(table)).collect()
    return {(row["day"], row["row"], row[PUBLISH_ID]) for row in rows}


def standing_as(**ids: str) -> dict[dt.date, Publication]:
    """The publications of a table: ``d1="a"`` is the publish id of the first day."""
    at = dt.datetime(2026, 1, 3, tzinfo=dt.UTC)
    return {
        dt.date(2026, 1, int(day[1:])): Publication(id=i, rows=1, quarantined=1, version=0, at=at)
        for day, i in ids.items()
    }


def test_readers_see_the_rows_of_the_publication_that_stands_and_a_second_try_replaces_its_own(
    spark: SparkSession, tmp_path: Path
) -> None:
    table = tmp_path / "orders_quarantine"
    quarantine.write(bad(spark, "old", FIRST, SECOND), table, {FIRST: "a", SECOND: "b"})
    quarantine.write(bad(spark, "half", FIRST), table, {FIRST: "new"})
    quarantine.write(bad(spark, "new", FIRST), table, {FIRST: "new"})
    rows = spark.read.format("delta").load(str(table))

    def seen(**ids: str) -> set[tuple[dt.date, str]]:
        return {(row["day"], row["row"]) for row in quarantine.standing(rows, standing_as(**ids)).collect()}

    assert seen(d1="a", d2="b") == {(FIRST, "old"), (SECOND, "old")}  # the new rows are not published yet
    assert seen(d1="new", d2="b") == {(FIRST, "new"), (SECOND, "old")}
    assert seen() == set()


def test_a_quarantine_that_an_earlier_version_made_takes_rows_and_is_pruned(
    spark: SparkSession, tmp_path: Path
) -> None:
    table = tmp_path / "orders_quarantine"
    bad(spark, "earlier", FIRST).write.format("delta").partitionBy("day").save(str(table))
    quarantine.write(bad(spark, "now", FIRST), table, {FIRST: "a"})
    assert stored(spark, table) == {(FIRST, "earlier", None), (FIRST, "now", "a")}
    assert quarantine.prune(spark, table, standing_as(d1="a"), hours=-1) == 1
    assert stored(spark, table) == {(FIRST, "now", "a")}


def test_pruning_leaves_the_rows_of_a_day_that_is_about_to_be_published(spark: SparkSession, tmp_path: Path) -> None:
    table = tmp_path / "orders_quarantine"
    quarantine.write(bad(spark, "old", FIRST), table, {FIRST: "a"})
    quarantine.write(bad(spark, "next", FIRST), table, {FIRST: "b"})
    assert quarantine.prune(spark, table, standing_as(d1="a"), hours=1) == 0
    assert quarantine.prune(spark, table, standing_as(d1="b"), hours=-1) == 1
    assert stored(spark, table) == {(FIRST, "next", "b")}
