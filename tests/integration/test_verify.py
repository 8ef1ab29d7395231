"""``headrace verify`` finds transforms that know the future, depend on the range, or do not repeat themselves."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re

import pytest
from headrace.commands import Verify
from headrace.declare import LookBack, Table
from headrace.errors import DifferentRowsError, MissingLookBackError, NothingComparedError
from headrace.stages.alone import sees_less
from headrace.stages.context import StageContext
from headrace.stages.later import KnownWhen, altered, later_rows, left_out
from headrace.stages.present_time import uses_present_time
from headrace.stages.runner import run_stage
from headrace.stages.sources import Input
from headrace.stages.verify import VerifyResult, verify_transform
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from tests.support import lakes, rush_lake
from tests.support.rush_lake import FEATURES, OLD, TOTALS, day, days

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def context(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """A lake with the days ``OLD`` of visits and totals. Only for reading."""
    context = rush_lake.delivered(tmp_path_factory.mktemp("verified"))
    lakes.land(context, OLD)
    lakes.build(context, TOTALS, OLD)
    return context


def features(context: StageContext, function: str, ahead: int = 0) -> Table:
    """The features by another transform, which reads ``ahead`` more days."""
    reads = [context.use_case.table(TOTALS).days(-2, ahead)]
    return dataclasses.replace(context.use_case.table(FEATURES), by=f"wrong:{function}", reads=reads)


def test_a_good_transform_passes_and_the_result_says_what_was_compared(context: StageContext) -> None:
    before = lakes.commits(context, TOTALS)
    result = run_stage(context, Verify(TOTALS, str(days(2, 4)), alone=2, instants=1))
    assert isinstance(result, VerifyResult)
    compared = result.compared
    assert (compared["again"], compared["alone"], result.days_alone) == (9, 6, (str(day(2)), str(day(4))))
    assert 0 < compared["left out"] == compared["altered"] < 9
    assert len(result.instants) == 1
    assert result.changed > 0
    assert result.not_changed == ()
    assert lakes.commits(context, TOTALS) == before


@pytest.mark.parametrize("function", ["features_of_tomorrow", "features_of_what_exists"])
def test_a_transform_that_knows_the_future_is_found_with_column_day_and_example(
    context: StageContext, function: str
) -> None:
    leaking = features(context, function, ahead=1)
    with pytest.raises(DifferentRowsError) as found:
        verify_transform(context, leaking, days(1, 3), alone=1, instants=1)
    said = str(found.value)
    assert "rush.features has other rows as it is than with facts left out that became known after 2026-01-0" in said
    assert "mean_3 in " in said
    assert "For example day=2026-01-0" in said
    assert "station=Abbey: mean_3 is " in said
    assert ("with facts altered" in said) == (function == "features_of_tomorrow")
    assert said.endswith("declare known_earlier")


@pytest.mark.parametrize("function", ["features_at_random", "features_by_order"])
def test_a_transform_that_does_not_repeat_itself_is_found(context: StageContext, function: str) -> None:
    with pytest.raises(DifferentRowsError, match="other rows built once than built again on 2026-01"):
        verify_transform(context, features(context, function), days(1, 3), alone=1, instants=1)


def test_the_present_time_is_found_in_a_query_however_wide_it_is(context: StageContext) -> None:
    wide = context.spark.range(1).select("id", *[F.lit(n).alias(f"c{n}") for n in range(40)])
    assert uses_present_time(context.use_case.table(TOTALS), wide.withColumn("now", F.col("id"))) == []
    for late in (F.current_date(), F.date_sub(F.current_timestamp(), 1)):
        [found] = uses_present_time(context.use_case.table(TOTALS), wide.withColumn("late", late).filter("c1 = 1"))
        assert re.match(r"rush.totals uses current_(date|timestamp)\(\), so it has other rows", found.what)


def test_a_transform_that_depends_on_its_range_is_found(context: StageContext) -> None:
    totals = context.use_case.table(TOTALS)
    short = dataclasses.replace(totals, reads=[s.source for s in totals.sources])
    with pytest.raises(DifferentRowsError, match="other rows built alone than in the range 2026-01-02"):
        verify_transform(context, short, days(3), instants=1)


def test_days_without_rows_or_without_sources_are_no_proof(context: StageContext) -> None:
    with pytest.raises(MissingLookBackError):
        verify_transform(context, context.use_case.table(TOTALS), days(4, 5))
    with pytest.raises(NothingComparedError):
        verify_transform(context, context.use_case.table(TOTALS), days(-3, -1))


def test_days_see_less_alone_only_once_their_look_back_is_full(context: StageContext) -> None:
    totals = context.use_case.table(TOTALS)
    seen = [sees_less(totals, day(number), days(1, 4)) for number in (1, 2, 3)]
    assert (seen, sees_less(totals, day(3), days(3, 4))) == ([False, False, True], False)


# What is changed of a source

COLUMNS = "day date, id int, name string, left timestamp, late int, known_at timestamp"
TRIPS = Table("t.trips", [], "t:t", "t.yaml", "day", ["day", "id"], known_earlier={"left": ["left", "name"]})
DAY = NOON.date()


@pytest.fixture(scope="module")
def trips(spark: SparkSession) -> Input:
    """One trip that has ended at noon, one under way, one that leaves later, and one that never left."""
    rows = [
        (DAY, 1, "ended", NOON - 2 * HOUR, 5, NOON),
        (DAY, 2, "under way", NOON, 6, NOON + HOUR),
        (DAY, 3, "to come", NOON + HOUR, 7, NOON + 2 * HOUR),
        (DAY, 4, None, None, None, NOON + 2 * HOUR),
    ]
    return Input(LookBack(TRIPS), spark.createDataFrame(rows, COLUMNS), {})


def rows_of(read: Input) -> dict[int, dict[str, object]]:
    rows = [row.asDict() for row in read.rows.collect()]
    return {row["id"]: {c: v.astimezone(dt.UTC) if c == "left" and v else v for c, v in row.items()} for row in rows}


def test_what_is_left_out_is_rows_and_the_later_part_of_rows(trips: Input) -> None:
    known = KnownWhen.of(trips)
    assert known is not None
    found, before = rows_of(left_out(trips, known, NOON)), rows_of(trips)
    assert found == {1: before[1], 2: before[2] | {"late": None}}
    assert later_rows(trips, known, NOON) == 3


def test_what_is_altered_keeps_key_and_known_at_and_puts_instants_later(trips: Input) -> None:
    known = KnownWhen.of(trips)
    assert known is not None
    found, before = rows_of(altered(trips, known, NOON)), rows_of(trips)
    assert found[1] == before[1]
    assert found[2] == before[2] | {"late": found[2]["late"]}
    assert found[2]["late"] in {1006, -994}
    assert (found[3]["name"], found[3]["left"]) == ("to come~", NOON + 25 * HOUR)
    assert (found[4]["name"], found[4]["left"]) == ("~", NOON + 24 * HOUR)
    for number, row in found.items():
        assert {c: row[c] for c in ("day", "id", "known_at")} == {
            c: before[number][c] for c in ("day", "id", "known_at")
        }
