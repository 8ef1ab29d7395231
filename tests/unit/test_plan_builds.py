"""What a build would do: which days, why each of them, and which wait. Only the ids of the lake are published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import DeltaTable
from headrace import storage
from headrace.days import DayRange
from headrace.declare import Check, Table
from headrace.errors import MissingInputError
from headrace.lake.acceptances import Acceptance, accept
from headrace.lake.commits import file_of
from headrace.lake.look import keep_index, look
from headrace.landing.withdraw import withdraw
from headrace.stages.code_digest import code_digest
from headrace.stages.context import StageContext
from headrace.stages.plan_builds import Reason, TablePlan, plan_builds

from tests.support import ids_only, known_lake, lakes, rush_lake
from tests.support.known_lake import correct, noon
from tests.support.rush_lake import FEATURES, TABLES, TOTALS, VISITS, day, days

LANDED = days(1, 9)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """The days 1 to 9, landed together on day 3. Nothing is built. Only for reading."""
    folder = tmp_path_factory.mktemp("landed")
    return known_lake.landed(folder / "root", folder / "inbox")


@pytest.fixture(scope="module")
def second(first: StageContext, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """The same days, built. Only for reading."""
    context = known_lake.copy_of(first, tmp_path_factory.mktemp("built"))
    ids_only.build(context, LANDED)
    return context


@pytest.fixture
def lake(first: StageContext, tmp_path: Path) -> StageContext:
    return known_lake.copy_of(first, tmp_path)


@pytest.fixture
def built(second: StageContext, tmp_path: Path) -> StageContext:
    return known_lake.copy_of(second, tmp_path)


def planned(context: StageContext, within: DayRange, *, catch_up: bool = True) -> dict[str, TablePlan]:
    plans = plan_builds(known_lake.again(context), FEATURES, within, catch_up)
    return {plan.table: plan for plan in plans}


def why(plan: TablePlan) -> list[tuple[str, str, list[str], list[str]]]:
    return [_written(reason) for reason in plan.reasons]


def _written(reason: Reason) -> tuple[str, str, list[str], list[str]]:
    return reason.kind, reason.what, list(reason.days), list(reason.source_days)


def texts(*ranges: DayRange) -> list[str]:
    return [str(some) for some in ranges]


def test_days_that_were_never_built_are_told_so_for_each_table(lake: StageContext) -> None:
    plans = planned(lake, LANDED)
    assert list(plans) == list(TABLES)
    for plan in plans.values():
        assert (plan.days, plan.ranges) == (9, (str(LANDED),))
        assert why(plan) == [("never built", "", texts(LANDED), [])]


def test_nothing_is_planned_for_a_lake_that_is_up_to_date(built: StageContext) -> None:
    plans = planned(built, LANDED)
    assert [(plan.days, plan.ranges, plan.reasons, plan.waiting, plan.rows) for plan in plans.values()] == [
        (0, (), (), (), 0)
    ] * 3


def test_a_delivery_that_took_the_place_of_another_is_named_and_so_are_the_tables_that_follow(
    built: StageContext,
) -> None:
    correct(built, 4, noon(30), restate="counted twice")
    plans = planned(built, days(4))
    assert why(plans[VISITS]) == [("feed", "entries", texts(days(4)), texts(days(4)))]
    assert why(plans[TOTALS]) == [("table to build", VISITS, texts(days(4, 5)), texts(days(4)))]
    assert why(plans[FEATURES]) == [("table to build", TOTALS, texts(days(4, 7)), texts(days(4, 5)))]


def test_a_table_that_was_built_meanwhile_is_named_with_its_days(built: StageContext) -> None:
    correct(built, 4, noon(30), restate="counted twice")
    ids_only.build(built, days(4), table=TOTALS)
    plans = planned(built, days(4))
    assert (plans[VISITS].days, plans[TOTALS].days) == (0, 0)
    assert why(plans[FEATURES]) == [("table", TOTALS, texts(days(4, 7)), texts(days(4, 5)))]


def test_a_new_set_of_a_reference_feed_is_named_without_days(built: StageContext) -> None:
    known_lake.deliver_stations(built, more=10)
    known_lake.land(built, days(1), noon(6))
    assert why(planned(built, days(1))[VISITS]) == [("feed", "stations", texts(LANDED), [])]


def test_rows_that_somebody_else_changed_are_told_with_the_operation(built: StageContext) -> None:
    DeltaTable(str(built.lake.table(TOTALS).path)).delete(f"day = '{day(4)}'")
    [(kind, what, changed, _)] = why(planned(built, days(1))[TOTALS])
    assert (kind, changed) == ("rows changed", texts(days(4)))
    assert what.startswith("DELETE of version 1 on ")


def changed(context: StageContext, **changes: object) -> StageContext:
    """The lake with another declaration of the features."""
    return known_lake.with_features(context, **changes)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"by": "wrong:features"}, "code"),
        ({"columns": "contracts/totals.yaml"}, "contract"),
        ({"checks": [Check("mean_3 >= 0")]}, "checks"),
        ({"key": ["day"]}, "declaration"),
    ],
    ids=["code", "contract", "checks", "declaration"],
)
def test_the_part_of_the_code_that_changed_is_named(built: StageContext, change: dict[str, object], part: str) -> None:
    plans = planned(changed(built, **change), LANDED)
    assert why(plans[VISITS]) == why(plans[TOTALS]) == []
    named = {what: changed_days for kind, what, changed_days, _ in why(plans[FEATURES]) if kind == "code"}
    assert named[part] == texts(LANDED)
    assert set(named) <= {part, "declaration"}  # the name of the function is declared, too


def test_a_day_whose_code_and_input_changed_has_both_reasons(built: StageContext) -> None:
    correct(built, 9, noon(30), restate="counted twice")
    plans = planned(changed(built, checks=[Check("mean_3 >= 0")]), LANDED)
    assert why(plans[FEATURES]) == [
        ("code", "checks", texts(LANDED), []),
        ("table to build", TOTALS, texts(days(9)), texts(days(9))),
    ]


def test_code_that_was_accepted_makes_no_day_stale_and_the_days_are_told_to_stand(built: StageContext) -> None:
    released = changed(built, checks=[Check("mean_3 >= 0")])
    features = released.use_case.table(FEATURES)
    target = released.table(features)
    accept(target.path, Acceptance(
        number=1, old=target.publications[day(1)].code, new=code_digest(released, features), days=(days(1, 6),),
        compared=(day(1),), reason="release 2", by="ann", at=noon(20),
    ))  # fmt: skip
    plan = planned(released, LANDED)[FEATURES]
    assert why(plan) == [("code", "checks", texts(days(7, 9)), [])]
    assert [_written(one) for one in plan.accepted] == [("accepted", "release 2", texts(days(1, 6)), [])]
    correct(released, 4, noon(30), restate="counted twice")
    plan = planned(released, LANDED)[FEATURES]
    assert why(plan) == [
        ("table to build", TOTALS, texts(days(4, 7)), texts(days(4, 5))),
        ("code", "checks", texts(days(7, 9)), []),
    ]


def test_days_wait_for_the_days_of_the_source_that_are_missing(built: StageContext) -> None:
    withdraw(built.layout.raw, "entries", [day(4)], reason="sent by mistake", now=noon(30))
    plans = planned(built, days(9, 11), catch_up=False)
    assert [_written(one) for one in plans[VISITS].waiting] == [
        ("waiting", "entries", texts(days(10, 11)), texts(days(10, 11)))
    ]
    assert [_written(one) for one in plans[FEATURES].waiting] == [
        ("waiting", TOTALS, texts(days(10, 11)), texts(days(10, 11)))
    ]
    caught_up = planned(built, days(9), catch_up=True)
    assert [_written(one) for one in caught_up[VISITS].waiting] == [
        ("waiting", "entries", texts(days(4)), texts(days(4)))
    ]
    assert (caught_up[TOTALS].days, caught_up[TOTALS].waiting) == (0, ())  # its rows still stand


def test_a_reference_feed_that_has_not_landed_is_what_all_days_wait_for(tmp_path: Path) -> None:
    context = known_lake.at(tmp_path / "root", tmp_path / "inbox")
    [waiting] = planned(context, days(1))[VISITS].waiting
    assert waiting.what == "rush.visits reads stations, which has not been landed"


def test_days_before_the_feeds_begin_are_refused_as_the_build_does(lake: StageContext) -> None:
    with pytest.raises(MissingInputError, match=f"{FEATURES} begins on 2026-01-01"):
        planned(lake, days(-3, -2))


class TestOlderPublications:
    """Earlier versions of Headrace did not tell what a day was made from."""

    @pytest.fixture
    def untold(self, lake: StageContext) -> StageContext:
        ids_only.build(lake, LANDED, told=False)
        return lake

    def test_that_only_the_code_changed_is_still_found(self, untold: StageContext) -> None:
        plans = planned(changed(untold, checks=[Check("mean_3 >= 0")]), LANDED)
        assert why(plans[FEATURES]) == [("code", "", texts(LANDED), [])]

    def test_an_input_that_changed_is_not_named(self, untold: StageContext) -> None:
        correct(untold, 4, noon(30), restate="counted twice")
        plans = planned(untold, days(4))
        assert why(plans[VISITS]) == [("unknown", "", texts(days(4)), [])]
        assert why(plans[TOTALS]) == [("table to build", VISITS, texts(days(4, 5)), texts(days(4)))]

    def test_a_commit_that_is_not_in_the_log_any_more_tells_nothing(self, lake: StageContext) -> None:
        for within in (days(1, 5), days(6, 9)):
            ids_only.build(lake, within)
        table = known_lake.again(lake).table(lake.use_case.table(VISITS)).path
        keep_index(table, look(table)[0])
        storage.remove(file_of(table, 0))
        correct(lake, 4, noon(30), restate="counted twice")
        correct(lake, 8, noon(30), restate="counted twice")
        assert why(planned(lake, days(4))[VISITS]) == [
            ("unknown", "", texts(days(4)), []),
            ("feed", "entries", texts(days(8)), texts(days(8))),
        ]


Change = Callable[[StageContext], StageContext]


def _nothing(context: StageContext) -> StageContext:
    return context


def _corrected(context: StageContext) -> StageContext:
    correct(context, 4, noon(5))
    correct(context, 8, noon(30), more=9)
    return context


def _restated(context: StageContext) -> StageContext:
    correct(context, 4, noon(30), restate="counted twice")
    return context


def _withdrawn(context: StageContext) -> StageContext:
    withdraw(context.layout.raw, "entries", [day(4)], reason="sent by mistake", now=noon(30))
    return context


def _new_stations(context: StageContext) -> StageContext:
    known_lake.deliver_stations(context, more=10)
    known_lake.land(context, days(1), noon(6))
    return context


def _released(context: StageContext) -> StageContext:
    return changed(context, checks=[Check("mean_3 >= 0")])


def _released_upstream(context: StageContext) -> StageContext:
    use_case = context.use_case
    visits = replace(use_case.table(VISITS), checks=[Check("people > -1")])
    totals: Table = replace(use_case.table(TOTALS), reads=[visits.days(-1, 0)])
    features = replace(use_case.table(FEATURES), reads=[totals.days(-2, 0)])
    tables = {VISITS: visits, TOTALS: totals, FEATURES: features}
    return StageContext(context.config, replace(use_case, tables=tables))


def _damaged(context: StageContext) -> StageContext:
    DeltaTable(str(context.lake.table(TOTALS).path)).delete(f"day = '{day(4)}'")
    return context


@pytest.mark.parametrize("catch_up", [True, False], ids=["catch up", "only these days"])
@pytest.mark.parametrize(
    "change",
    [_nothing, _corrected, _restated, _withdrawn, _new_stations, _released, _released_upstream, _damaged],
)
def test_a_build_does_what_its_plan_says(built: StageContext, change: Change, catch_up: bool) -> None:
    context, within = change(built), days(5, 11)
    plans = planned(context, within, catch_up=catch_up)
    done = ids_only.build(context, within, catch_up=catch_up)
    assert {name: [chunk.days for chunk in plan.chunks] for name, plan in plans.items()} == {
        name: texts(*ranges) for name, ranges in done.items()
    }


def test_a_plan_publishes_nothing(lake: StageContext) -> None:
    before = lakes.commits(lake, *TABLES)
    files = sorted(lakes.on_disk(lake.config.root).rglob("*"))
    planned(lake, LANDED)
    assert lakes.commits(lake, *TABLES) == before
    assert sorted(lakes.on_disk(lake.config.root).rglob("*")) == files


def test_rows_to_read_are_those_of_the_sources_on_the_days_that_are_read(lake: StageContext) -> None:
    stations, a_day = len(rush_lake.STATIONS), 2 * len(rush_lake.STATIONS)
    plans = planned(lake, days(1, 4))
    assert plans[VISITS].rows == stations + 4 * a_day
    assert plans[TOTALS].rows == 4 * a_day  # as many as the entries, as long as the visits are not built


def test_a_large_build_is_planned_in_the_chunks_that_it_commits(lake: StageContext) -> None:
    ids_only.build(lake, LANDED, table=VISITS, rows=10_000_000)
    plan = planned(lake, LANDED)[TOTALS]
    assert (plan.days, plan.ranges) == (9, (str(LANDED),))
    assert len(plan.chunks) > 1
    assert plan.bytes > 9 * 10_000_000 * 8
    assert [chunk.days for chunk in plan.chunks] == texts(*ids_only.build(lake, LANDED)[TOTALS])
