"""A build does what `headrace plan build` said, and what it commits tells later why its days are stale."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from headrace import storage
from headrace.days import DayRange, runs
from headrace.stages.context import StageContext
from headrace.stages.plan_builds import TablePlan, plan_builds

from tests.support import lakes, rush
from tests.support.rush_lake import ALL, CORRECTED, FEATURES, NEW, TABLES, TOTALS, VISITS, day, days

pytestmark = pytest.mark.slow


@pytest.fixture
def lake(behind: StageContext, tmp_path: Path) -> StageContext:
    """The old days are built, and then a correction and a new day have landed."""
    context = lakes.copy_of(behind, tmp_path)
    lakes.land(context, ALL)
    return context


def planned(context: StageContext) -> dict[str, TablePlan]:
    plans = plan_builds(lakes.again(context), FEATURES, days(5), catch_up=True)
    return {plan.table: plan for plan in plans}


def one_by_one(ranges: Iterable[str]) -> list[str]:
    """The fewest ranges of the same days: a build may cut them into several commits."""
    return [str(some) for some in runs(day for one in ranges for day in DayRange.parse(one))]


def test_a_build_builds_the_days_of_its_plan_and_then_nothing_is_left_to_build(lake: StageContext) -> None:
    plans = planned(lake)
    reasons = {name: [(r.kind, r.what, r.days, r.source_days) for r in plans[name].reasons] for name in TABLES}
    corrected, new = str(CORRECTED), str(NEW)
    assert reasons == {
        VISITS: [("feed", "entries", (corrected,), (corrected,)), ("never built", "", (new,), ())],
        TOTALS: [("table to build", VISITS, (corrected,), (corrected,)), ("never built", "", (new,), ())],
        FEATURES: [("table to build", TOTALS, (corrected,), (corrected,)), ("never built", "", (new,), ())],
    }
    done = lakes.build(lakes.again(lake), FEATURES, days(5), catch_up=True)
    assert {name: one_by_one(done.builds[name].built) for name in TABLES} == {
        name: one_by_one(plans[name].ranges) for name in TABLES
    }
    assert [plan.days for plan in planned(lake).values()] == [0, 0, 0]
    assert plans[VISITS].days == len(days(4, 5))


def test_a_day_whose_file_has_no_rows_is_published_and_later_days_look_back_on_it(
    behind: StageContext, tmp_path: Path
) -> None:
    shutil.copytree(lakes.on_disk(behind.config.inbox), tmp_path / "inbox")
    context = lakes.context_at(behind.config, tmp_path / "root", tmp_path / "inbox")
    for number, content in ((2, b"day,station,hour,people\n"), (3, b"")):
        storage.write(lakes.delivered_file(context, "entries", day(number)), gzip.compress(content))
    lakes.land(context, days(1, 4))
    lakes.build(context, FEATURES, days(1, 4))
    assert set(lakes.ids_of(context, FEATURES)) == set(days(1, 4))
    assert {row["day"] for row in lakes.rows_of(context, VISITS, key=rush.KEY)} == {day(1), day(4)}
