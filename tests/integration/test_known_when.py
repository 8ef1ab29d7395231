"""Rows of days that could not know a correction stay, also if they are built again after it.

``tests/unit/test_known_ids.py`` tests the publish ids and the stale days, and ``test_replay.py`` a whole month.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from headrace import storage
from headrace.days import DayRange
from headrace.declare import CutOff, LookBack
from headrace.errors import BatchRefusedError, MissingInputError
from headrace.stages.as_of import View
from headrace.stages.build_plan import stale_days
from headrace.stages.context import StageContext
from headrace.stages.plan import labelled, plan

from tests.support import known_lake, lakes, rush, rush_lake
from tests.support.known_lake import correct, noon
from tests.support.rush import network
from tests.support.rush_lake import FEATURES, TABLES, TOTALS, VISITS, day, days
from tests.support.same_lake import assert_same_rows
from tests.support.untrained import make_champion

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow
MODEL, SCORES = "rush.busy", "rush.busy_scores"
LATER = dt.timedelta(hours=1)
FEWER = -50  # with so many people fewer, the smallest station has another label


@pytest.fixture(scope="module")
def built(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """The days 1 to 5, built once. Only for reading."""
    context = delivered(tmp_path_factory.mktemp("built"))
    known_lake.build(context, days(1, 5))
    return context


def delivered(folder: Path) -> StageContext:
    """The first version of the days 1 to 5, landed together on the third day."""
    context = known_lake.at(folder / "root", folder / "inbox")
    known_lake.deliver_stations(context)
    for number in range(1, 6):
        known_lake.deliver(context, number)
    known_lake.land(context, days(1, 5), noon(3) - LATER)
    return context


@pytest.fixture
def lake(built: StageContext, tmp_path: Path) -> StageContext:
    return known_lake.copy_of(built, tmp_path)


def stale(context: StageContext, table: str) -> list[DayRange]:
    fresh = known_lake.again(context)
    return stale_days(fresh, fresh.use_case.table(table))


def rows(context: StageContext, table: str, within: DayRange | None = None) -> list[lakes.Row]:
    return lakes.rows_of(context, table, within, key=context.use_case.table(table).key)


def test_days_that_are_built_again_see_what_they_saw_at_first(lake: StageContext, tmp_path: Path) -> None:
    before, ids = rows(lake, FEATURES), lakes.ids_of(lake, FEATURES)
    correct(lake, 2, noon(3))
    known_lake.build(lake, days(1, 5))
    assert lakes.moved(lake, FEATURES, ids) == [day(4), day(5)]
    assert rows(lake, FEATURES, days(1, 3)) == [row for row in before if row["day"] in days(1, 3)]
    assert rows(lake, FEATURES, days(4)) != [row for row in before if row["day"] == day(4)]
    other = other_lake(lake, tmp_path / "other")
    known_lake.build(other, days(1, 5))
    assert_same_tables(other, lake)


def test_a_reference_feed_is_read_as_it_was(lake: StageContext, tmp_path: Path) -> None:
    known_lake.deliver_stations(lake, more=10)
    known_lake.land(lake, days(1, 5), noon(3))
    other = other_lake(lake, tmp_path / "other")
    built = known_lake.build(other, days(1, 5))
    assert built.builds[FEATURES].built == (str(days(1, 3)), str(days(4, 5)))
    assert_same_rows(rows(other, FEATURES, days(1, 3)), rows(lake, FEATURES, days(1, 3)), FEATURES)
    assert rows(other, FEATURES, days(4, 5)) != rows(lake, FEATURES, days(4, 5))


def test_days_that_saw_a_refused_delivery_are_refused_by_name_and_the_others_built(
    lake: StageContext, tmp_path: Path
) -> None:
    bad = [row | {"people": -1} for row in rush_lake.rows_of(day(6))]
    rush_lake.deliver(lake, day(6), bad)
    known_lake.land(lake, days(6), noon(6))
    correct(lake, 6, noon(7))
    for number in (7, 8):
        known_lake.deliver(lake, number)
    known_lake.land(lake, days(7, 8), noon(8))
    with pytest.raises(BatchRefusedError, match=r"rush.visits of 2026-01-06 is refused as it was before") as refused:
        known_lake.build(lake, days(6, 8))
    assert "headrace land --restate" in str(refused.value)
    assert day(8) in lakes.ids_of(lake, FEATURES)
    assert not {day(6), day(7)} & lakes.ids_of(lake, FEATURES).keys()
    known_lake.land(lake, days(6), noon(8), restate="it was empty")
    known_lake.build(lake, days(6, 8))
    assert stale(lake, FEATURES) == []


def test_a_file_before_a_correction_that_is_gone_is_named_with_what_to_do(lake: StageContext, tmp_path: Path) -> None:
    first = next(iter((lake.layout.raw / "entries" / str(day(2))).glob("*.gz")))
    correct(lake, 2, noon(3))
    storage.remove(first)
    other = other_lake(lake, tmp_path / "other")
    with pytest.raises(MissingInputError, match=f"{first.name} of an earlier landing is gone") as gone:
        known_lake.build(other, days(1, 5))
    assert "headrace land --feed entries --restate" in str(gone.value)


def test_a_day_whose_rows_are_known_before_its_cut_off_is_refused(lake: StageContext) -> None:
    storage.remove(lake.table(lake.use_case.table(FEATURES)).path)
    late = known_lake.with_features(lake, cut_off=CutOff("20:00", zone="Europe/Berlin"))  # 19:00 UTC in winter
    with pytest.raises(BatchRefusedError, match="known_at is before the cut-off, so corrections that landed after it"):
        known_lake.build(late, days(5), catch_up=False)
    fits = known_lake.with_features(lake, cut_off=CutOff("19:00", zone="Europe/Berlin"))
    known_lake.build(fits, days(5), catch_up=False)


def test_a_cut_off_is_the_same_instant_in_spark_also_when_clocks_change(spark: SparkSession) -> None:
    changes = [dt.date(2026, month, on) for month in (3, 10, 11) for on in range(1, 31)]
    dates = spark.createDataFrame([(on,) for on in changes], "day date")
    for zone, at in itertools.product(("America/New_York", "Europe/Berlin", "UTC"), ("01:30", "02:30")):
        cut_off = CutOff(at, days_before=1, zone=zone)
        found = dates.selectExpr(f"unix_seconds({cut_off.on_column('day')}) AS at").collect()
        assert [row["at"] for row in found] == [cut_off.on(on).timestamp() for on in changes], zone


def test_facts_of_a_table_that_is_built_day_by_day_are_made_again_day_by_day(lake: StageContext) -> None:
    totals = replace(lake.use_case.table(TOTALS), reads=[lake.use_case.table(VISITS)], each_day=True)
    features = replace(lake.use_case.table(FEATURES), reads=[totals.days(-2, 0)])
    known_lake.deliver_stations(lake, more=10)
    known_lake.land(lake, days(1, 5), noon(4))
    fresh = known_lake.again(lake)
    view = View.of(fresh, features, features.cut_off_on(day(4)))
    read = view.read(LookBack(totals), days(2, 4), fresh.staging)
    assert {row["people_before"] for row in read.rows.collect()} == {None}  # alone, no day has one before it


def test_scores_of_days_that_could_not_know_a_correction_stay(
    lake: StageContext, spark: SparkSession, tmp_path: Path
) -> None:
    (folder := tmp_path / "version").mkdir()
    make_champion(lake, MODEL, network.build, days(1, 5), spark, folder, trained_on=day(2))
    lakes.score(lake, MODEL, days(2, 5))
    before = lakes.rows_of(lake, SCORES, key=rush.KEY)
    correct(lake, 3, noon(4))
    known_lake.build(lake, days(1, 5))
    assert lakes.score(known_lake.again(lake), MODEL, days(3, 4)).built == ()  # the task of an old day was cleared
    assert lakes.score(known_lake.again(lake), MODEL, days(2), catch_up=True).built == (str(day(5)),)
    after = lakes.rows_of(lake, SCORES, key=rush.KEY)
    assert {row["day"] for row, old in zip(after, before, strict=True) if row != old} == {day(5)}


def test_a_training_is_replayed_from_the_same_rows_whatever_was_corrected_since(lake: StageContext) -> None:
    before = trained_on(lake, 6)
    correct(lake, 3, noon(9), more=FEWER)
    known_lake.build(lake, days(1, 5))
    assert trained_on(lake, 6) == before


def test_a_correction_before_a_training_changes_what_it_is_made_from(lake: StageContext) -> None:
    before = trained_on(lake, 6)
    correct(lake, 5, noon(6), more=FEWER)
    known_lake.build(lake, days(1, 5))
    training_id, found = trained_on(lake, 6)
    assert training_id != before[0]
    assert found != before[1]


def trained_on(context: StageContext, number: int) -> tuple[str, list[lakes.Row]]:
    """The id of a training on a day, and the rows of its windows."""
    fresh = known_lake.again(context)
    planned = plan(fresh, fresh.use_case.model(MODEL), day(number))
    frame = labelled(fresh, planned, DayRange(planned.train.first, planned.test.last))
    return planned.id, sorted((row.asDict() for row in frame.collect()), key=lambda row: (row["day"], row["station"]))


def other_lake(lake: StageContext, folder: Path) -> StageContext:
    """A lake with the same landings and no tables."""
    other = known_lake.copy_of(lake, folder)
    storage.remove(other.layout.tables)
    return other


def assert_same_tables(found: StageContext, wanted: StageContext) -> None:
    for table in TABLES:
        assert lakes.ids_of(found, table) == lakes.ids_of(wanted, table), table
        assert_same_rows(rows(found, table), rows(wanted, table), table)
