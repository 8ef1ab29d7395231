"""A month that is replayed in one range has the rows of the month that was built, trained and scored day by day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from headrace import storage
from headrace.days import DayRange
from headrace.stages.context import StageContext
from headrace.stages.plan import labelled, plan

from tests.support import known_lake, lakes
from tests.support.known_lake import correct, noon
from tests.support.rush import KEY, network
from tests.support.rush_lake import TABLES, day, days
from tests.support.same_lake import assert_same_rows
from tests.support.untrained import make_champion

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1800)]
MODEL, SCORES = "rush.busy", "rush.busy_scores"
LATE, CAME = 12, 14  # the entries of a day, and the day on which they come
CORRECTIONS = {17: (16, 7), 24: (23, -50)}  # the day of the landing: the corrected day, and how many people more
TRAINED = (10, 20)  # a champion is trained as on these days
CHECKED = (11, 19, 24, 26)  # trainings as on these days are replayed; their windows have the corrections


def test_a_month_that_was_lived_day_by_day_is_replayed_in_one_range(spark: SparkSession, tmp_path: Path) -> None:
    lake = known_lake.at(tmp_path / "root", tmp_path / "inbox")
    known_lake.deliver_stations(lake)
    trainings = {}
    for number in range(1, 31):
        if number in TRAINED:
            (folder := tmp_path / f"version-{number}").mkdir()
            before = days(number - 4, number - 1)
            make_champion(
                lake, MODEL, network.build, before, spark, folder, trained_on=day(number), seed=number
            )  # fmt: skip
        live(lake, number)
        lake = known_lake.again(lake)
        if number in CHECKED:
            trainings[number] = trained_on(lake, number)
    other = known_lake.copy_of(lake, tmp_path / "other")
    storage.remove(other.layout.tables)
    built = known_lake.build(other, days(1, 30), catch_up=False)
    assert len(built.builds["rush.features"].built) > 1  # a range is cut where days see other files
    lakes.score(other, MODEL, days(1, 30))
    for table in (*TABLES, SCORES):
        assert lakes.ids_of(other, table) == lakes.ids_of(lake, table), table
        assert_same_rows(rows(other, table), rows(lake, table), table)
    assert lakes.ids_of(lake, SCORES).keys() == set(days(TRAINED[0], 30))
    for number, (training_id, learned) in trainings.items():
        assert learned
        same_id, again = trained_on(other, number)
        assert same_id == training_id, number
        assert_same_rows(again, learned, f"the training on day {number}")


def live(lake: StageContext, number: int) -> None:
    """What happens at noon after a day: its entries land, perhaps with others, and all that is stale is made again."""
    if number != LATE:
        known_lake.deliver(lake, number)
    if number == CAME:
        known_lake.deliver(lake, LATE)
    known_lake.land(lake, days(max(1, number - 3), number), noon(number + 1))
    if number in CORRECTIONS:
        corrected, more = CORRECTIONS[number]
        correct(lake, corrected, noon(number + 1), more=more)
    known_lake.build(lake, days(number))
    if number >= TRAINED[0]:
        lakes.score(known_lake.again(lake), MODEL, days(number), catch_up=True)


def rows(context: StageContext, table: str) -> list[lakes.Row]:
    key = KEY if table == SCORES else context.use_case.table(table).key
    return lakes.rows_of(context, table, key=key)


def trained_on(context: StageContext, number: int) -> tuple[str, list[lakes.Row]]:
    """The id of a training on a day, and the rows of its windows."""
    fresh = known_lake.again(context)
    planned = plan(fresh, fresh.use_case.model(MODEL), day(number))
    frame = labelled(fresh, planned, DayRange(planned.train.first, planned.test.last))
    return planned.id, sorted((row.asDict() for row in frame.collect()), key=lambda row: (row["day"], row["station"]))
