"""Scoring past days is a replay: each day is scored by the champion of then, whenever it is scored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from headrace.days import DayRange
from headrace.errors import UnknownNameError
from headrace.lake.publications import DayContents
from headrace.ledger.record import runs
from headrace.stages.context import StageContext

from tests.support import lakes, rush_lake
from tests.support.rush import KEY, network
from tests.support.rush_lake import ALL, day, days
from tests.support.untrained import make_champion

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow
MODEL, SCORES = "rush.busy", "rush.busy_scores"
SECOND = 4  # version 1 is trained as on day 2, and version 2 as on day 4: its test day is 3, it validates on 2


@pytest.fixture(scope="module")
def one(clean: StageContext, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """Five days of features, and version 1 as champion. Only for reading, as the next one."""
    context = lakes.copy_of(clean, tmp_path_factory.mktemp("one"))
    make_champion(context, MODEL, network.build, ALL, spark, tmp_path_factory.mktemp("first"), trained_on=day(2))
    return context


@pytest.fixture(scope="module")
def two(one: StageContext, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """The same, and version 2 was promoted after it."""
    context = lakes.copy_of(one, tmp_path_factory.mktemp("two"))
    promote_second(context, spark, tmp_path_factory.mktemp("second"))
    return context


def promote_second(context: StageContext, spark: SparkSession, folder: Path) -> None:
    make_champion(context, MODEL, network.build, ALL, spark, folder, trained_on=day(SECOND), seed=2)


def stored(context: StageContext, within: DayRange = ALL) -> list[lakes.Row]:
    """The scores as they are stored, with their publish ids."""
    return [row for row in lakes.stored(context, SCORES, KEY) if row["day"] in within]


def by_day(context: StageContext, column: str) -> dict[int, object]:
    """The value of a column on each scored day, by the day's number. All rows of a day have the same."""
    found: dict[int, set[object]] = {}
    for row in stored(context):
        found.setdefault((row["day"] - ALL.first).days + 1, set()).add(row[column])
    return {number: value for number, (value,) in sorted(found.items())}


def test_one_run_scores_each_day_by_the_champion_of_then(two: StageContext, tmp_path: Path) -> None:
    context = lakes.copy_of(two, tmp_path)
    result = lakes.score(context, MODEL, days(3, 5))
    assert by_day(context, "model_version") == {3: 1, 4: 2, 5: 2}
    assert by_day(context, "model_window") == {3: None, 4: None, 5: None}
    assert (result.version, result.versions) == (2, {"2026-01-03": 1, "2026-01-04..2026-01-05": 2})
    assert lakes.commits(context, SCORES) == {SCORES: 2}


def test_days_before_the_first_model_are_reported_and_the_others_are_scored(
    two: StageContext, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    context = lakes.copy_of(two, tmp_path)
    result = lakes.score(context, MODEL, days(1))
    assert (result.rows, result.version, result.no_model) == (0, None, ("2026-01-01",))
    assert f"{SCORES} 2026-01-01  no model yet" in capsys.readouterr().out
    assert not context.lake.table(SCORES).exists()
    lakes.score(context, MODEL, days(1, 2))
    assert by_day(context, "model_version") == {2: 1}
    recorded = [run.facts["no_model"] for run in runs(context.layout.ledger) if run.stage == "score"]
    assert recorded == [["2026-01-01"], ["2026-01-01"]]


def test_a_model_that_was_never_promoted_is_an_error(clean: StageContext) -> None:
    with pytest.raises(UnknownNameError, match=r"rush.busy has no champion. First run `headrace train"):
        lakes.score(clean, MODEL, days(5))


def test_a_version_that_was_asked_for_marks_its_own_windows_until_the_champions_score_again(
    two: StageContext, tmp_path: Path
) -> None:
    context = lakes.copy_of(two, tmp_path)
    lakes.score(context, MODEL, ALL, version="2")
    assert by_day(context, "model_version") == dict.fromkeys(range(1, 6), 2)
    marked = by_day(context, "model_window")
    assert marked == {1: "train", 2: "validate", 3: "test", 4: None, 5: None}
    lakes.score(lakes.again(context), MODEL, days(5), catch_up=True)
    assert by_day(context, "model_window") == marked
    lakes.score(context, MODEL, ALL)
    assert by_day(context, "model_version") == {1: 2, 2: 1, 3: 1, 4: 2, 5: 2}  # no champion could replace day 1
    assert by_day(context, "model_window") == {1: "train", 2: None, 3: None, 4: None, 5: None}


def test_a_new_champion_leaves_the_scores_of_older_days_as_they_are(
    one: StageContext, spark: SparkSession, tmp_path: Path
) -> None:
    context = lakes.copy_of(one, tmp_path)
    lakes.score(context, MODEL, ALL)
    (folder := tmp_path / "second").mkdir()
    promote_second(context, spark, folder)
    before = stored(context)
    assert lakes.score(context, MODEL, days(2, 3)).built == ()  # the task of an old day was cleared
    assert lakes.score(context, MODEL, days(2), catch_up=True).built == ()
    assert stored(context) == before
    lakes.score(context, MODEL, days(2, 5))
    assert by_day(context, "model_version") == {2: 1, 3: 1, 4: 2, 5: 2}
    assert stored(context, days(2, 3)) == [row for row in before if row["day"] in days(2, 3)]


def test_catching_up_scores_an_old_day_whose_features_changed_by_the_champion_of_then(
    two: StageContext, tmp_path: Path
) -> None:
    context = lakes.copy_of(two, tmp_path)
    lakes.score(context, MODEL, ALL)
    before = stored(context)
    first, *others = rush_lake.rows_of(day(3))
    rush_lake.deliver(context, day(3), [first | {"people": 999}, *others])
    rush_lake.recover(context)
    lakes.score(lakes.again(context), MODEL, days(2), catch_up=True)
    assert by_day(context, "model_version") == {2: 1, 3: 1, 4: 2, 5: 2}
    changed = {row["day"] for row, old in zip(stored(context), before, strict=True) if row != old}
    assert changed == {*days(3, 5)}  # the days whose features look back on day 3


def test_catching_up_scores_days_again_that_a_person_changed_in_the_table(two: StageContext, tmp_path: Path) -> None:
    context = lakes.copy_of(two, tmp_path)
    lakes.score(context, MODEL, ALL)
    before = stored(context)
    context.lake.table(SCORES).delta().delete("day = '2026-01-03' AND station = 'Abbey'")
    assert len(stored(context)) == len(before) - 1
    result = lakes.score(lakes.again(context), MODEL, days(5), catch_up=True)
    assert result.built == ("2026-01-03",)
    assert stored(context) == before


def test_catching_up_replaces_scores_that_an_earlier_release_made_inside_a_versions_windows(
    two: StageContext, spark: SparkSession, tmp_path: Path
) -> None:
    context = lakes.copy_of(two, tmp_path)
    lakes.score(context, MODEL, ALL, version="2")
    scores = context.lake.table(SCORES, day="day")
    without_marks = scores.read(spark, ALL).drop("model_window").localCheckpoint()
    ids = dict.fromkeys(ALL, "of an earlier release") | {on: scores.publish_ids[on] for on in days(4, 5)}
    scores.path.rename(tmp_path / "replaced")
    old = lakes.again(context)
    old.lake.table(SCORES, day="day").publish(
        without_marks.drop("_publish_id"), DayContents(ids=ids, rows=dict.fromkeys(ALL, 3))
    )
    result = lakes.score(lakes.again(context), MODEL, days(5), catch_up=True)
    assert (result.built, result.no_model) == (("2026-01-02..2026-01-03",), ("2026-01-01",))
    assert by_day(context, "model_version") == {1: 2, 2: 1, 3: 1, 4: 2, 5: 2}
    assert by_day(context, "model_window") == dict.fromkeys(range(1, 6))
