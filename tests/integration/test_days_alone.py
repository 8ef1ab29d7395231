"""New code has to give the same rows for a day in a range as for the day built alone, or the range is refused."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from pathlib import Path

import pytest
from headrace.declare import Table
from headrace.errors import DifferentRowsError, NothingComparedError
from headrace.stages.alone import is_unverified, sample, verify_published, verify_range
from headrace.stages.as_of import inputs_of
from headrace.stages.code_digest import code_digest
from headrace.stages.context import StageContext
from headrace.stages.returned import checked_rows, good_rows
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from tests.support import lakes, rush_lake
from tests.support.rush_lake import OLD, TOTALS, VISITS, day, days

NEW_CODE = "new code: "


@pytest.fixture(scope="module")
def visited(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """A lake with the days ``OLD`` of the visits, from which the totals are made. Only for reading."""
    context = rush_lake.delivered(tmp_path_factory.mktemp("visited"))
    lakes.land(context, OLD)
    lakes.build(context, VISITS, OLD)
    return context


@pytest.fixture
def context(visited: StageContext, tmp_path: Path) -> StageContext:
    return lakes.copy_of(visited, tmp_path)


def with_totals(context: StageContext, **changes: object) -> StageContext:
    """The lake with another declaration of the totals. They need the visits of two days."""
    tables = context.use_case.tables
    totals = dataclasses.replace(tables[TOTALS], **changes)  # type: ignore[arg-type]
    use_case = dataclasses.replace(context.use_case, tables=tables | {TOTALS: totals})
    return StageContext(context.config, use_case)


def totals_of(context: StageContext) -> Table:
    return context.use_case.table(TOTALS)


def test_a_range_that_sees_more_than_is_declared_is_refused_with_column_day_and_example(context: StageContext) -> None:
    short = with_totals(context, reads=[context.use_case.table(VISITS)])
    with pytest.raises(DifferentRowsError) as refused:
        lakes.build(short, TOTALS, days(1, 2))
    assert refused.value.what == (
        "rush.totals has other rows built alone than in the range 2026-01-01..2026-01-02 on 2026-01-02: people_before"
        " in 3 rows. For example day=2026-01-02, station=Abbey: people_before is None built alone and 111 in the range"
        " 2026-01-01..2026-01-02"
    )
    assert refused.value.hint.startswith("Declare all days that the transform reads, such as days(-29, 0)")
    assert lakes.ids_of(context, TOTALS) == {}


def test_days_before_the_look_back_is_full_do_not_show_that_it_is_long_enough(context: StageContext) -> None:
    wrong = with_totals(context, by="wrong:totals_two_days_before")
    lakes.build(wrong, TOTALS, days(1, 2))
    with pytest.raises(DifferentRowsError, match="on 2026-01-04: people_before in 3 rows"):
        lakes.build(StageContext(wrong.config, wrong.use_case), TOTALS, days(3, 4))
    assert sorted(lakes.ids_of(context, TOTALS)) == list(days(1, 2))


def test_code_that_has_differed_is_compared_whatever_else_it_builds(context: StageContext) -> None:
    totals = totals_of(context)
    code = code_digest(context, totals)
    inputs = inputs_of(context, totals, days(3, 4), context.staging)
    right = good_rows(checked_rows(context, totals, inputs), totals, days(3, 4)).localCheckpoint()
    wrong = right.withColumn("people", F.lit(0).cast("bigint"))
    verify_range(context, totals, right, [*days(3, 4)], code)
    assert not is_unverified(context, totals, code)
    for rows in (wrong, right):
        with pytest.raises(DifferentRowsError) if rows is wrong else nullcontext():
            verify_range(context, totals, rows, [*days(3, 4)], code)
        assert is_unverified(context, totals, code)


def test_code_is_compared_until_that_can_be_recorded(context: StageContext, capsys: pytest.CaptureFixture[str]) -> None:
    folder = lakes.on_disk(context.layout.root) / "verified" / TOTALS
    folder.write_text("no folder, so that nothing can be recorded")
    lakes.build(context, TOTALS, days(3, 4))
    assert NEW_CODE in capsys.readouterr().out
    folder.unlink()
    lakes.build(context, TOTALS, days(1, 2))
    assert NEW_CODE in capsys.readouterr().out
    assert sorted(lakes.ids_of(context, TOTALS)) == list(OLD)


def test_a_table_that_is_built_day_by_day_has_the_rows_of_each_day_alone(
    context: StageContext, capsys: pytest.CaptureFixture[str]
) -> None:
    short = with_totals(context, reads=[context.use_case.table(VISITS)], each_day=True)
    assert lakes.build(short, TOTALS, days(1, 2)).builds[TOTALS].built == ("2026-01-01", "2026-01-02")
    assert {row["people_before"] for row in lakes.rows_of(context, TOTALS, key=("day", "station"))} == {None}
    assert NEW_CODE not in capsys.readouterr().out


def test_a_day_that_is_refused_is_not_compared(context: StageContext, capsys: pytest.CaptureFixture[str]) -> None:
    bad = [row | {"people": -1} for row in rush_lake.rows_of(day(1))]
    fresh = rush_lake.fresh_root(context, lakes.on_disk(context.config.root).with_name("fresh"))
    rush_lake.deliver(fresh, day(1), bad)
    lakes.land(fresh, days(1, 3))
    with pytest.raises(Exception, match="2026-01-01"):
        lakes.build(fresh, VISITS, days(1, 3))
    assert NEW_CODE in capsys.readouterr().out
    assert sorted(lakes.ids_of(fresh, VISITS)) == list(days(2, 3))


def test_what_is_published_is_compared_with_what_the_code_gives_now(context: StageContext) -> None:
    lakes.build(context, TOTALS, days(1, 2))
    assert verify_published(lakes.again(context), totals_of(context), days(1, 9), size=2) == [day(1), day(2)]
    short = with_totals(context, reads=[context.use_case.table(VISITS)])
    with pytest.raises(DifferentRowsError, match=r"people_before is None built now and 1\d\d as published"):
        verify_published(short, totals_of(short), OLD)
    with pytest.raises(NothingComparedError):
        verify_published(context, totals_of(context), days(8, 9))


def test_a_sample_has_the_ends_and_is_the_same_for_the_same_seed() -> None:
    of = list(days(1, 30))
    first, drawn, last = sample(of, 3, "a")
    assert (first, last) == (of[0], of[-1])
    assert first < drawn < last
    assert sample(of, 3, "a") == [first, drawn, last]
    assert len({sample(of, 3, str(seed))[1] for seed in range(20)}) > 5
    assert sample(of, 30, "a") == sample(of, 99, "a") == of
    assert (sample(of[:1], 3, "a"), sample([], 3, "a"), sample(of, 1, "a")) == (of[:1], [], of[:1])
