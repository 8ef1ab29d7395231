"""What a build of real flights publishes, and what it does not change."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import pytest
from headrace.days import ONE, DayRange
from headrace.errors import BatchRefusedError, MissingLookBackError
from headrace.stages.build_plan import stale_days
from headrace.stages.context import StageContext
from pyspark.sql import SparkSession

from tests.support import lakes

pytestmark = pytest.mark.slow
TABLES = ("flights.legs", "flights.outcomes", "flights.features")
D = lakes.day("01-05")
MAY_SEE = DayRange(D, D + 32 * ONE)  # the days of features that look back on it


def corrected(context: StageContext, feed: str, on: dt.date, how: lakes.Change) -> None:
    """Deliver a day of a feed again with other rows, and land it."""
    lakes.change(context, feed, on, how)
    lakes.land(context, DayRange(on, on), feed)


def delay_of(row: lakes.Row) -> tuple[object, object]:
    return row["dep_delay"], row["arr_delay"]


def test_a_range_of_days_is_one_commit_a_table_and_building_it_again_is_none(built: StageContext) -> None:
    assert lakes.commits(built, *TABLES) == dict.fromkeys(TABLES, 1)
    lakes.build(built, "flights.features", lakes.days("01-01", "02-09"))
    assert lakes.commits(built, *TABLES) == dict.fromkeys(TABLES, 1)


def test_each_scheduled_flight_is_one_row_of_each_table(built: StageContext) -> None:
    announced = {
        (dt.date(int(r["year"]), int(r["month"]), int(r["day"])), r["carrier"], int(r["flight"]), r["origin"])
        for on in lakes.days("01-01", "02-09")
        for r in lakes.delivered_rows(built, "schedule", on)
    }
    for name in TABLES:
        rows = lakes.rows_of(built, name)
        assert {tuple(row[column] for column in lakes.KEY) for row in rows} == announced
        assert len(rows) == len(announced)


def test_a_restated_day_replaces_the_days_that_look_back_on_it_and_no_others(
    built: StageContext, tmp_path: Path
) -> None:
    context = lakes.copy_of(built, tmp_path)
    before = {name: lakes.ids_of(context, name) for name in TABLES}
    rows = lakes.rows_of(context, "flights.outcomes")
    corrected(context, "actuals", D, lakes.of_first("arr_delay", "199"))

    lakes.build(context, "flights.outcomes", lakes.days("01-01", "02-09"))
    assert lakes.commits(context, "flights.legs", "flights.outcomes") == {"flights.legs": 1, "flights.outcomes": 2}
    assert lakes.moved(context, "flights.outcomes", before["flights.outcomes"]) == [D]
    others = [row for row in rows if row["flight_date"] != D]
    assert [row for row in lakes.rows_of(context, "flights.outcomes") if row["flight_date"] != D] == others
    assert 199 in [row["arr_delay"] for row in lakes.rows_of(context, "flights.outcomes", DayRange(D, D))]

    declared = context.use_case.table("flights.features")
    assert stale_days(lakes.again(context), declared) == []  # the correction landed years after their cut-offs
    lakes.land(context, DayRange(D, D), "actuals", restate=True)
    assert stale_days(lakes.again(context), declared) == [MAY_SEE]
    features = {(row["flight_date"], row["carrier"], row["flight"]): row for row in lakes.rows_of(context, TABLES[2])}
    lakes.build(context, "flights.features", DayRange(D, D), catch_up=True)
    assert lakes.moved(context, "flights.features", before["flights.features"]) == list(MAY_SEE)
    assert lakes.commits(context, *TABLES) == {"flights.legs": 1, "flights.outcomes": 2, "flights.features": 2}
    changed = {
        row["flight_date"]
        for row in lakes.rows_of(context, TABLES[2])
        if row != features[row["flight_date"], row["carrier"], row["flight"]]
    }
    assert {D + ONE, D + 28 * ONE} <= changed <= set(MAY_SEE)


def test_days_that_are_asked_for_and_also_caught_up_are_committed_once(built: StageContext, tmp_path: Path) -> None:
    context = lakes.copy_of(built, tmp_path)
    for on in (D, D + ONE, D + 4 * ONE):
        corrected(context, "actuals", on, lakes.of_first("arr_delay", "199"))
    done = lakes.build(context, "flights.outcomes", DayRange(D + ONE, D + 2 * ONE), catch_up=True)
    assert done.builds["flights.outcomes"].built == (f"{D}..{D + ONE}", str(D + 4 * ONE))
    assert lakes.commits(context, "flights.outcomes") == {"flights.outcomes": 3}


def test_features_whose_look_back_has_holes_may_be_built_later(
    landed: StageContext, spark: SparkSession, tmp_path: Path
) -> None:
    context = lakes.copy_of(landed, tmp_path)
    with pytest.raises(MissingLookBackError) as raised:
        lakes.build(context, "flights.features", DayRange(D, D))
    assert raised.value.exit_code == 75
    assert str(raised.value) == (
        "flights.features looks back on days that are missing: flights.legs on 2013-01-02..2013-01-04; "
        "flights.outcomes on 2013-01-01..2013-01-04. "
        "First run `headrace build flights.legs --days 2013-01-02..2013-01-04`"
    )
    assert lakes.commits(context, "flights.features") == {"flights.features": 0}


def test_a_cell_of_another_type_is_quarantined_with_the_reason_and_its_row_as_delivered(
    built: StageContext, tmp_path: Path
) -> None:
    context = lakes.copy_of(built, tmp_path)
    corrected(context, "actuals", D, lakes.of_first("dep_delay", "abc"))
    delivered, *_ = lakes.delivered_rows(context, "actuals", D)
    rows = lakes.rows_of(context, "flights.outcomes", DayRange(D, D))
    lakes.build(context, "flights.outcomes", DayRange(D, D))

    [bad] = lakes.quarantined(context, "flights.outcomes")
    assert (bad["day"], bad["source"]) == (D, "actuals")
    assert bad["reasons"] == "actuals.dep_delay: 'abc' is not a valid int"
    assert json.loads(bad["row"]) == {name: cell for name, cell in delivered.items() if cell != "NA"}
    kept = [r for r in rows if (r["carrier"], str(r["flight"])) != (delivered["carrier"], delivered["flight"])]
    assert lakes.rows_of(context, "flights.outcomes", DayRange(D, D)) == kept

    corrected(context, "actuals", D, lakes.of_first("dep_delay", "12"))
    lakes.build(context, "flights.outcomes", DayRange(D, D))
    assert lakes.quarantined(context, "flights.outcomes") == []


def test_a_torn_line_is_quarantined_as_it_is(built: StageContext, tmp_path: Path) -> None:
    """Without its last cells, a flight that landed would look like a diverted one."""
    context = lakes.copy_of(built, tmp_path)
    torn = lakes.tear_last_line(context, "actuals", D, cells=8)
    lakes.land(context, DayRange(D, D), "actuals")
    lakes.build(context, "flights.outcomes", DayRange(D, D))
    [bad] = lakes.quarantined(context, "flights.outcomes")
    assert (bad["reasons"], bad["row"]) == ("actuals: a line with more or fewer cells than the header", torn)


def test_a_row_of_another_day_is_quarantined(built: StageContext, tmp_path: Path) -> None:
    context = lakes.copy_of(built, tmp_path)
    corrected(context, "actuals", D, lakes.of_first("day", str(D.day + 1)))
    following = lakes.rows_of(context, "flights.outcomes", DayRange(D + ONE, D + ONE))
    lakes.build(context, "flights.outcomes", lakes.days("01-01", "01-10"))
    [bad] = lakes.quarantined(context, "flights.outcomes")
    reason = "actuals: a row of another day than 2013-01-05 (year=2013, month=1, day=6)"
    assert (bad["day"], bad["reasons"]) == (D, reason)
    assert json.loads(bad["row"])["day"] == str(D.day + 1)
    assert lakes.rows_of(context, "flights.outcomes", DayRange(D + ONE, D + ONE)) == following


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("day", 30, "actuals: a row of another day than 2013-02-05 (year=2013, month=2, day=30)"),
        ("arr_delay", 2**31, "actuals.arr_delay: '2147483648' is not a valid int"),
        ("dep_delay", 2**31 - 1, "not dep_delay > -180 AND dep_delay < 2880"),
    ],
)
def test_a_value_that_cannot_be_computed_quarantines_its_row_and_the_day_is_published(
    built: StageContext, tmp_path: Path, column: str, value: int, reason: str
) -> None:
    context = lakes.copy_of(built, tmp_path)
    day = lakes.day("02-05")
    before = lakes.rows_of(context, "flights.outcomes", DayRange(day, day))
    corrected(context, "actuals", day, lakes.of_first(column, value))
    lakes.build(context, "flights.outcomes", DayRange(day, day))
    assert len(lakes.rows_of(context, "flights.outcomes", DayRange(day, day))) == len(before) - 1
    [bad] = [row for row in lakes.quarantined(context, "flights.outcomes") if row["day"] == day]
    assert bad["reasons"].startswith(reason)


def test_a_day_with_more_bad_rows_than_one_in_a_hundred_is_refused_and_nothing_is_published(
    built: StageContext, tmp_path: Path
) -> None:
    context = lakes.copy_of(built, tmp_path)
    before = lakes.rows_of(context, "flights.outcomes")
    corrected(context, "actuals", D, lambda rows: [r | {"dep_delay": "abc"} for r in rows[:9]] + rows[9:])
    total = len(lakes.delivered_rows(context, "actuals", D))
    with pytest.raises(BatchRefusedError) as raised:
        lakes.build(context, "flights.outcomes", DayRange(D, D))
    assert raised.value.what == (
        f"flights.outcomes is refused: 9 of {total} rows of actuals are bad, more than 1.0%: "
        f"actuals.dep_delay: 'abc' is not a valid int (9), on {D}"
    )
    assert lakes.rows_of(context, "flights.outcomes") == before
    assert lakes.commits(context, "flights.outcomes_quarantine") == {"flights.outcomes_quarantine": 0}


def test_a_failing_suite_refuses_the_day_and_names_the_expectation(built: StageContext, tmp_path: Path) -> None:
    context = lakes.copy_of(built, tmp_path)
    before = lakes.ids_of(context, "flights.legs")
    corrected(context, "schedule", D, lakes.of_first("carrier", "USA"))
    with pytest.raises(BatchRefusedError) as raised:
        lakes.build(context, "flights.features", DayRange(D, D))
    assert "1 expectation of legs.json fails: expect_column_value_lengths_to_equal carrier" in raised.value.what
    assert lakes.ids_of(context, "flights.legs") == before
    assert lakes.commits(context, *TABLES) == dict.fromkeys(TABLES, 1)
    page = re.search(r"\(open (\S+)\)", raised.value.what)
    assert page
    assert Path(page[1]).is_file()


def test_a_read_as_of_an_instant_hides_what_was_known_later(built: StageContext, spark: SparkSession) -> None:
    outcomes = built.use_case.table("flights.outcomes")
    noon = dt.datetime(2013, 1, 5, 17, tzinfo=dt.UTC)
    seen = built.table(outcomes).read(spark, DayRange(D, D), as_of=noon).select(*lakes.KEY).collect()
    expected = {
        tuple(row[column] for column in lakes.KEY)
        for row in lakes.rows_of(built, "flights.outcomes", DayRange(D, D))
        if row["known_at"] <= noon
    }
    assert 0 < len(expected) < len(lakes.rows_of(built, "flights.outcomes", DayRange(D, D)))
    assert {tuple(row) for row in seen} == expected
