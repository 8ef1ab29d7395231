"""Publish ids as corrections land: a month that is built day by day has the ids of a month that is built at once.

Only ids are published, with a row for each day, so that no Spark is needed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from headrace import storage
from headrace.days import DayRange
from headrace.declare import Check
from headrace.lake.acceptances import Acceptance, accept, acceptances
from headrace.landing.withdraw import withdraw
from headrace.stages import chunks
from headrace.stages.build_plan import stale_days
from headrace.stages.code_digest import code_digest
from headrace.stages.context import StageContext
from headrace.stages.corrections import Corrections

from tests.support import ids_only, known_lake, lakes
from tests.support.known_lake import correct, noon
from tests.support.rush_lake import FEATURES, TABLES, TOTALS, VISITS, day, days

CORRECTIONS = {6: (5, 7), 7: (5, 9), 21: (20, 7)}  # the day of the landing: the corrected day, and what is added


@pytest.fixture
def lake(tmp_path: Path) -> StageContext:
    """The days 1 to 9, landed together on day 3 and built."""
    context = known_lake.landed(tmp_path / "root", tmp_path / "inbox")
    build(context, days(1, 9))
    return context


def build(context: StageContext, within: DayRange) -> list[DayRange]:
    """Publish the ids of the stale days of all tables; returns the ranges of the features."""
    return ids_only.build(context, within)[FEATURES]


def stale(context: StageContext, table: str) -> list[DayRange]:
    fresh = known_lake.again(context)
    return stale_days(fresh, fresh.use_case.table(table))


def all_ids(context: StageContext) -> dict[str, dict[object, str]]:
    return {table: dict(lakes.ids_of(context, table)) for table in TABLES}


def test_files_that_land_together_after_their_days_are_no_corrections(lake: StageContext) -> None:
    assert stale(lake, FEATURES) == []


def test_a_correction_makes_stale_just_the_days_whose_cut_off_is_after_its_landing(lake: StageContext) -> None:
    correct(lake, 4, noon(5))
    assert stale(lake, VISITS) == [days(4)]
    assert build(lake, days(1)) == [days(6, 7)]  # the days 4 and 5 look back on it too
    correct(lake, 4, noon(30), more=9)
    assert stale(lake, VISITS) == [days(4)]
    assert build(lake, days(1)) == []


def test_the_days_that_see_a_correction_get_other_ids_and_the_others_keep_theirs(lake: StageContext) -> None:
    before = lakes.ids_of(lake, FEATURES)
    correct(lake, 4, noon(5))
    assert stale(lake, FEATURES) == []  # until the facts are built again
    assert build(lake, days(1)) == [days(6, 7)]
    assert lakes.moved(lake, FEATURES, before) == [day(6), day(7)]


def test_a_chunk_is_cut_where_its_days_see_other_deliveries_than_its_first_day(
    lake: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Day 9 was corrected and corrected back: the first day of the range sees what day 9 sees, and day 6 does not."""
    correct(lake, 9, noon(4))
    correct(lake, 9, noon(8), more=0)
    context = known_lake.again(lake)
    features, within = context.use_case.table(FEATURES), days(2, 9)
    split = Corrections(context.landings, features).split
    assert split(within) == [within]
    monkeypatch.setattr(chunks, "cut", lambda *_: [days(2, 5), days(6, 9)])
    assert [chunk.days for chunk in chunks.chunks_of(context, features, [within], split)] == [
        days(2, 5), days(6, 8), days(9),
    ]  # fmt: skip


def test_a_restatement_makes_all_days_stale_that_look_back_on_it(lake: StageContext) -> None:
    before = lakes.ids_of(lake, FEATURES)
    correct(lake, 4, noon(30), restate="counted twice")
    build(lake, days(1))
    assert lakes.moved(lake, FEATURES, before) == [*days(4, 7)]


def test_a_withdrawn_correction_gives_the_days_their_earlier_ids_again(lake: StageContext) -> None:
    before = all_ids(lake)
    correct(lake, 4, noon(5))
    build(lake, days(1))
    withdraw(lake.layout.raw, "entries", [day(4)], reason="sent by mistake", now=noon(30))
    build(lake, days(1))
    assert all_ids(lake) == before


def test_a_new_set_of_a_reference_feed_changes_just_the_days_whose_cut_off_is_after_its_landing(
    lake: StageContext,
) -> None:
    before = all_ids(lake)
    known_lake.deliver_stations(lake, more=10)
    known_lake.land(lake, days(1), noon(6))
    assert stale(lake, VISITS) == [days(1, 9)]
    build(lake, days(1))
    assert lakes.moved(lake, FEATURES, before[FEATURES]) == [*days(7, 9)]


def with_checked_visits(context: StageContext, condition: str) -> StageContext:
    """The lake with another check of the visits, which changes the digest of their code."""
    tables = context.use_case.tables
    visits = replace(tables[VISITS], checks=[Check(condition)])
    totals = replace(tables[TOTALS], reads=[visits.days(-1, 0)])
    features = replace(tables[FEATURES], reads=[totals.days(-2, 0)])
    use_case = replace(context.use_case, tables={VISITS: visits, TOTALS: totals, FEATURES: features})
    return StageContext(context.config, use_case)


def accept_visits(context: StageContext, within: DayRange, now: dt.datetime) -> None:
    """Keep an acceptance of the visits' code for the code that made the first of these days."""
    context = known_lake.again(context)
    table = context.table(context.use_case.table(VISITS))
    accept(table.path, Acceptance(
        number=len(acceptances(table.path)) + 1, old=table.publications[within.first].code,
        new=code_digest(context, context.use_case.table(VISITS)), days=(within,), compared=(within.first,),
        reason="release 2", by="ann", at=now,
    ))  # fmt: skip


def test_a_correction_after_new_code_was_accepted_makes_no_day_stale_that_does_not_see_it(lake: StageContext) -> None:
    second = with_checked_visits(lake, "people > -1")
    assert stale(second, VISITS) == [days(1, 9)]
    accept_visits(second, days(1, 9), noon(20))
    assert stale(second, VISITS) == stale(second, FEATURES) == []
    correct(second, 4, noon(21))
    assert build(second, days(1)) == []
    third = with_checked_visits(second, "people > -2")
    accept_visits(third, days(1, 3), noon(22))
    accept_visits(third, days(4), noon(22))
    accept_visits(third, days(5, 9), noon(22))
    assert stale(third, VISITS) == []
    correct(third, 4, noon(23), more=9)
    correct(third, 8, noon(23), more=9)
    assert build(third, days(1)) == []


def test_days_that_saw_a_correction_built_by_accepted_code_stay_when_another_one_lands(lake: StageContext) -> None:
    second = with_checked_visits(lake, "people > -1")
    accept_visits(second, days(1, 9), noon(4))
    correct(second, 4, noon(5))
    assert build(second, days(1)) == [days(6, 7)]
    correct(second, 4, noon(30), more=9)
    assert build(second, days(1)) == []


def test_a_correction_leaves_days_before_it_as_they_are_after_new_code_was_accepted(lake: StageContext) -> None:
    """The new code of the facts is accepted, and only then a correction lands that no day of features sees."""
    visits = lake.use_case.table(VISITS)
    older = known_lake.again(lake)
    older.code_digests[VISITS] = "older"
    build(older, days(1, 9))
    before = lakes.ids_of(lake, FEATURES)
    entry = Acceptance(
        number=1, old="older", new=code_digest(lake, visits), days=(days(1, 9),), compared=(day(1),),
        reason="a test", by="ann", at=noon(20),
    )  # fmt: skip
    accept(lake.table(visits).path, entry)
    assert stale(lake, VISITS) == []
    correct(lake, 4, noon(30))
    build(lake, days(1))
    assert lakes.moved(lake, FEATURES, before) == []


@pytest.mark.slow
def test_a_month_that_was_built_day_by_day_has_the_ids_of_a_month_that_is_built_at_once(tmp_path: Path) -> None:
    """The outcomes of day 10 come three days late. Day 5 is corrected twice, day 20 once, and the stations change."""
    lake = known_lake.at(tmp_path / "root", tmp_path / "inbox")
    known_lake.deliver_stations(lake)
    for number in range(1, 31):
        if number != 10:
            known_lake.deliver(lake, number)
        if number == 13:
            known_lake.deliver(lake, 10)
        if number == 15:
            known_lake.deliver_stations(lake, more=10)
        known_lake.land(lake, days(max(1, number - 3), number), noon(number + 1))
        if number in CORRECTIONS:
            corrected, more = CORRECTIONS[number]
            correct(lake, corrected, noon(number + 1), more=more)
        build(lake, days(number))
    other = known_lake.copy_of(lake, tmp_path / "other")
    storage.remove(other.layout.tables)
    ranges = build(other, days(1, 30))
    assert all_ids(other) == all_ids(lake)
    assert len(ranges) > 1
