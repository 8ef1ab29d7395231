"""Two builds of one day, and a correction that lands during a build: the newest input always stands in the end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from headrace.days import DayRange
from headrace.stages import build_range
from headrace.stages.build_plan import stale_days
from headrace.stages.context import StageContext
from pyspark.sql import SparkSession

from tests.support import lakes

pytestmark = [pytest.mark.slow, pytest.mark.fault]
TABLE = "flights.outcomes"
D = lakes.day("01-05")
ON_D = DayRange(D, D)


def correct(context: StageContext, delay: str) -> None:
    """Land another version of the day's outcomes."""
    lakes.change(context, "actuals", D, lakes.of_first("arr_delay", delay))
    lakes.land(context, ON_D, "actuals")


def once_before_publishing(monkeypatch: pytest.MonkeyPatch, then: Callable[[], None]) -> None:
    """Call ``then`` once, between the moment at which the next build has planned and read, and its publication."""
    original, waiting = build_range.staged, [then]

    def staged(*arguments: object) -> object:
        batch = original(*arguments)  # type: ignore[arg-type]
        if waiting:
            waiting.pop()()
        return batch

    monkeypatch.setattr(build_range, "staged", staged)


def clean(context: StageContext, folder: Path) -> list[lakes.Row]:
    """The day's rows in a lake where the same files were built once, without any disturbance."""
    other = lakes.copy_of(context, folder)
    lakes.build(other, TABLE, ON_D, catch_up=True)
    return lakes.rows_of(other, TABLE)


def delays(context: StageContext) -> set[int]:
    return {row["arr_delay"] for row in lakes.rows_of(context, TABLE, ON_D)}


def test_a_build_that_was_overtaken_by_newer_input_does_not_replace_it(
    built: StageContext, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = lakes.copy_of(built, tmp_path / "lake")
    correct(context, "777")

    def overtake() -> None:
        correct(context, "888")
        lakes.build(lakes.again(context), TABLE, ON_D)

    once_before_publishing(monkeypatch, overtake)
    done = lakes.build(context, TABLE, ON_D)
    assert delays(context) >= {888}
    assert 777 not in delays(context)
    assert done.builds[TABLE].built == ()  # it planned again, and found the day up to date
    assert stale_days(lakes.again(context), context.use_case.table(TABLE)) == []
    assert lakes.rows_of(context, TABLE) == clean(context, tmp_path / "clean")


def test_a_correction_that_lands_during_a_build_makes_the_day_stale_and_mixes_no_rows(
    built: StageContext, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = lakes.copy_of(built, tmp_path / "lake")
    correct(context, "777")
    once_before_publishing(monkeypatch, lambda: correct(context, "888"))
    lakes.build(context, TABLE, ON_D)
    assert 777 in delays(context)
    assert 888 not in delays(context)
    assert stale_days(lakes.again(context), context.use_case.table(TABLE)) == [ON_D]
    lakes.build(context, TABLE, lakes.days("01-06"), catch_up=True)
    assert lakes.rows_of(context, TABLE) == clean(context, tmp_path / "clean")


def test_rows_and_count_come_from_the_version_of_the_source_whose_id_is_recorded(
    built: StageContext, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upstream table gets a newer version while a build of the table that reads it is under way."""
    context = lakes.copy_of(built, tmp_path / "lake")
    correct(context, "777")

    def change_upstream() -> None:
        lakes.change(context, "schedule", D, lakes.of_first("sched_dep_time", "601"))
        lakes.land(context, ON_D, "schedule")
        lakes.build(lakes.again(context), "flights.legs", ON_D)

    once_before_publishing(monkeypatch, change_upstream)
    lakes.build(context, TABLE, ON_D)
    assert stale_days(lakes.again(context), context.use_case.table(TABLE)) == [ON_D]
    lakes.build(context, TABLE, ON_D)
    assert lakes.rows_of(context, TABLE) == clean(context, tmp_path / "clean")


def test_the_quarantine_of_a_build_that_lost_is_not_seen(
    built: StageContext, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = lakes.copy_of(built, tmp_path / "lake")
    lakes.change(context, "actuals", D, lakes.of_first("dep_delay", "2999"))  # a check quarantines it
    lakes.land(context, ON_D, "actuals")

    def overtake() -> None:
        lakes.change(context, "actuals", D, lakes.of_first("dep_delay", "3999"))
        lakes.land(context, ON_D, "actuals")
        lakes.build(lakes.again(context), TABLE, ON_D)

    once_before_publishing(monkeypatch, overtake)
    lakes.build(context, TABLE, ON_D)
    [bad] = lakes.quarantined(context, TABLE)
    assert '"dep_delay":3999' in bad["row"]


def test_a_day_whose_rows_were_deleted_is_stale_says_why_and_is_built_again(
    built: StageContext, spark: SparkSession, tmp_path: Path
) -> None:
    context = lakes.copy_of(built, tmp_path / "lake")
    before = lakes.rows_of(context, TABLE)
    context.lake.table(TABLE).delta().delete(f"flight_date = '{D}' AND carrier = 'US'")
    table = context.use_case.table(TABLE)
    assert stale_days(lakes.again(context), table) == [ON_D]
    assert str(lakes.again(context).table(table).changes[D]).startswith("DELETE of version 1 on ")
    lakes.build(context, TABLE, ON_D)
    assert lakes.rows_of(context, TABLE) == before
    assert dict(lakes.again(context).table(table).changes) == dict[dt.date, object]()
