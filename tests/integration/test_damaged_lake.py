"""Faults of disks, tables, clocks and deliveries: the error is clear, and ``--catch-up`` mends the lake."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from delta.tables import DeltaTable
from headrace.commands import Build, Land
from headrace.days import DayRange
from headrace.declare import Table
from headrace.errors import BadInputError, TransformError
from headrace.stages import build
from headrace.stages.build_plan import BuildPlan, stale_days
from headrace.stages.build_range import RangeBuild
from headrace.stages.chunks import Chunk
from headrace.stages.context import StageContext
from pyspark.sql import SparkSession

from tests.support import clock, lakes, rush_lake
from tests.support.killed import ran
from tests.support.rush_lake import ALL, CORRECTED, FEATURES, NEW, TOTALS, VISITS
from tests.support.same_lake import assert_same
from tests.support.small_disk import fill, small_disk

pytestmark = [pytest.mark.slow, pytest.mark.fault]
BEFORE = rush_lake.day(3)  # the day before the corrected one, which the tables look back on


def test_a_full_disk_ends_the_build_with_its_name_and_changes_no_table(
    behind: StageContext, clean: StageContext, spark: SparkSession, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        context = lakes.copy_of(behind, disk / "lake")
        lakes.land(context, ALL)
        ids = [lakes.ids_of(context, table) for table in rush_lake.TABLES]
        filler = fill(disk, leave_bytes=16_384)  # enough for a log's entry, too little for the data files
        with pytest.raises(Exception, match="No space left on device"):
            lakes.build(lakes.again(context), FEATURES, ALL, catch_up=True)
        assert [lakes.ids_of(context, table) for table in rush_lake.TABLES] == ids
        filler.unlink()
        rush_lake.recover(context)
        assert_same(context, clean)


def test_a_corrupt_file_of_a_source_is_named_and_its_day_can_be_built_again(
    behind: StageContext, clean: StageContext, tmp_path: Path
) -> None:
    context = lakes.copy_of(behind, tmp_path)
    lakes.land(context, ALL)
    lakes.build(context, VISITS, ALL, catch_up=True)
    [file] = lakes.on_disk(context.lake.table(VISITS).path).glob(f"day={BEFORE}/*.parquet")
    content = file.read_bytes()
    file.write_bytes(bytes(len(content)))
    before = lakes.ids_of(context, TOTALS)
    with pytest.raises(Exception, match=re.escape(f"rush/visits/day={BEFORE}/{file.name}")):
        lakes.build(lakes.again(context), TOTALS, ALL)
    assert lakes.ids_of(context, TOTALS) == before

    context.lake.table(VISITS).delta().delete(f"day = '{BEFORE}'")  # the day is then stale; no file is read for it
    rush_lake.recover(context)
    assert_same(context, clean)


def test_a_landed_file_that_is_cut_off_is_named_and_refused_for_good(behind: StageContext, tmp_path: Path) -> None:
    context = lakes.copy_of(behind, tmp_path)
    lakes.land(context, ALL)
    [file] = (lakes.on_disk(context.layout.raw) / "entries" / str(NEW)).glob("*.gz")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(BadInputError, match=rf"{re.escape(str(file))} is truncated or corrupt \(EOFException: Unexp"):
        lakes.build(lakes.again(context), VISITS, ALL)
    assert NEW not in lakes.ids_of(context, VISITS)


def test_a_table_that_was_restored_to_an_older_version_catches_up(
    caught_up: StageContext, clean: StageContext, spark: SparkSession, tmp_path: Path
) -> None:
    context = lakes.copy_of(caught_up, tmp_path)
    DeltaTable.forPath(spark, str(context.lake.table(VISITS).path)).restoreToVersion(0)
    table = context.use_case.table(VISITS)
    assert stale_days(lakes.again(context), table) == [DayRange(CORRECTED, NEW)]
    assert str(lakes.again(context).table(table).changes[CORRECTED]).startswith("RESTORE of version ")
    rush_lake.recover(context)
    assert_same(context, clean)


def test_a_day_with_deleted_rows_is_stale_says_why_and_catches_up(
    caught_up: StageContext, clean: StageContext, tmp_path: Path
) -> None:
    context = lakes.copy_of(caught_up, tmp_path)
    context.lake.table(VISITS).delta().delete(f"day = '{BEFORE}' AND station = 'Abbey'")
    table = context.use_case.table(VISITS)
    assert stale_days(lakes.again(context), table) == [DayRange(BEFORE, BEFORE)]
    assert str(lakes.again(context).table(table).changes[BEFORE]).startswith("DELETE of version ")
    rush_lake.recover(context)
    assert_same(context, clean)


@pytest.mark.long
def test_a_clock_that_is_set_back_by_a_day_hides_no_newer_landing_or_publication(
    behind: StageContext, clean: StageContext, tmp_path: Path
) -> None:
    context = lakes.copy_of(behind, tmp_path)
    first, *others = rush_lake.rows_of(CORRECTED)
    rush_lake.deliver(context, CORRECTED, [first | {"people": 777}, *others])
    rush_lake.recover(context)
    rush_lake.deliver_more(context)
    build = Build(table=FEATURES, days=str(ALL), catch_up=True)
    environment = clock.set_back(dt.timedelta(days=1), tmp_path)
    assert ran(context, Land(days=str(ALL)), build, environment=environment).code == 0
    assert context.lake.table(VISITS).publications[CORRECTED].at < dt.datetime.now(dt.UTC) - dt.timedelta(hours=20)
    assert_same(context, clean)
    rush_lake.recover(context)
    assert_same(context, clean)


@pytest.mark.long
def test_a_day_for_which_the_feed_delivers_nothing_is_published_empty(behind: StageContext, tmp_path: Path) -> None:
    context = lakes.copy_of(behind, tmp_path)
    lakes.on_disk(lakes.delivered_file(context, "entries", NEW)).unlink()
    later = NEW + dt.timedelta(days=1)
    rush_lake.deliver(context, later, rush_lake.rows_of(later))
    within = DayRange(ALL.first, later)
    rush_lake.recover(context, within)
    assert lakes.again(context).table(context.use_case.table(VISITS)).publications[NEW].rows == 0
    at_once = rush_lake.fresh_root(context, tmp_path / "at-once")
    rush_lake.recover(at_once, within)
    assert_same(context, at_once)


@pytest.mark.long
def test_a_day_with_a_hundred_times_the_rows_is_published_whole(behind: StageContext, tmp_path: Path) -> None:
    context = lakes.copy_of(behind, tmp_path)
    usual = rush_lake.rows_of(NEW)
    many = [row | {"station": f"{row['station']} {number}"} for number in range(100) for row in usual]
    stations = {f"{name} {number}": places for number in range(100) for name, places in rush_lake.STATIONS.items()}
    rush_lake.deliver_stations(context, rush_lake.STATIONS | stations)
    rush_lake.deliver(context, NEW, many)
    rush_lake.recover(context)
    assert lakes.again(context).table(context.use_case.table(VISITS)).publications[NEW].rows == 100 * len(usual)
    at_once = rush_lake.fresh_root(context, tmp_path / "at-once")
    rush_lake.recover(at_once)
    assert_same(context, at_once)


def test_a_range_whose_transform_fails_does_not_stop_the_others(
    behind: StageContext, clean: StageContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = lakes.copy_of(behind, tmp_path)
    context.lake.table(VISITS).delta().delete(f"day = '{rush_lake.day(1)}'")  # apart from the other stale days
    lakes.land(context, ALL)
    original = build.build_range

    def fails_on_the_first_day(context: StageContext, table: Table, chunk: Chunk, plan: BuildPlan) -> RangeBuild:
        if table.name == VISITS and chunk.days.first == rush_lake.day(1):
            raise TransformError("transforms:visits fails for rush.visits", "Correct it")
        return original(context, table, chunk, plan)

    with monkeypatch.context() as patch:
        patch.setattr(build, "build_range", fails_on_the_first_day)
        with pytest.raises(TransformError, match=r"fails for rush\.visits"):
            lakes.build(lakes.again(context), FEATURES, ALL)
    assert NEW in lakes.ids_of(context, VISITS)
    assert NEW in lakes.ids_of(context, FEATURES)
    rush_lake.recover(context)
    assert_same(context, clean)
