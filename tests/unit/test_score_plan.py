"""Which days a scoring has to do, and by which versions. No Spark: the tables have publications, and no real rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, write_deltalake
from headrace.code.modules import file_of, imported
from headrace.commands import Score
from headrace.errors import ArtefactError, MissingLookBackError
from headrace.lake import DayContents
from headrace.lake.publications import PUBLISH_ID
from headrace.registry import promotions, verdicts
from headrace.registry.versions import Version, register
from headrace.stages import score_plan
from headrace.stages.context import StageContext
from headrace.stages.score_code import SCORE_CODE
from headrace.stages.score_plan import ScorePlan, plan_scores

from tests.support import lakes, rush_lake
from tests.support.rush_lake import ALL, FEATURES, day, days

MODEL, SCORES = "rush.busy", "rush.busy_scores"


def publish(context: StageContext, table: str, ids: Mapping[dt.date, str]) -> None:
    """Append days with these publish ids, one row each."""
    rows = pa.table({PUBLISH_ID: [*ids.values()], "day": [*ids]})
    metadata = {"userMetadata": DayContents(ids, dict.fromkeys(ids, 1)).as_metadata()}
    path = str(context.layout.tables.joinpath(*table.split(".")))
    properties = CommitProperties(custom_metadata=metadata)
    write_deltalake(path, rows, partition_by=["day"], mode="append", commit_properties=properties)


def promote(context: StageContext, trained: Path, trained_on: int) -> Version:
    """Promote another version, with the windows that the model declares."""
    models, on = context.layout.models, day(trained_on)
    windows = context.use_case.model(MODEL).window.before(on)
    pins = {"trained_on": str(on), "windows": dict(zip(("train", "validate", "test"), map(str, windows), strict=True))}
    number = len(promotions.promotions(models, MODEL)) + 1
    version = register(models, MODEL, trained, {"training_id": str(number), **pins})
    verdicts.record_verdict(version, {}, passed=True, sentence="It passes", champion=promotions.champion(models, MODEL))
    promotions.promote(models, MODEL, version.number, reason="test")
    return version


@pytest.fixture
def context(tmp_path: Path, trained: Path) -> StageContext:
    """Five days of features; version 1 was trained as on day 2 and promoted, and then version 2 as on day 4."""
    found = rush_lake.at(tmp_path / "root", tmp_path / "inbox")
    publish(found, FEATURES, {on: f"features of {on}" for on in ALL})
    for trained_on in (2, 4):
        promote(found, trained, trained_on)
    return found


def plan(context: StageContext, first: int, last: int = 0, version: str = "champion", **options: bool) -> ScorePlan:
    within = days(first, last)
    command = Score(model=MODEL, days=str(within), version=version, **options)
    return plan_scores(lakes.again(context), context.use_case.model(MODEL), within, command)


def ranges(found: ScorePlan) -> list[tuple[str, int]]:
    """The ranges by the numbers of their days, each with the number of its version."""
    number = lambda on: (on - ALL.first).days + 1  # noqa: E731
    return [(f"{number(some.first)}-{number(some.last)}", version.number) for some, version in found.ranges]


def test_a_range_is_cut_where_the_champion_changes(context: StageContext) -> None:
    found = plan(context, 1, 5)
    assert ranges(found) == [("2-3", 1), ("4-5", 2)]
    assert found.no_model == [days(1)]


def test_days_before_the_first_version_need_no_features(context: StageContext) -> None:
    found = plan(context, -1, 2)
    assert (ranges(found), found.no_model) == ([("2-2", 1)], [days(-1, 1)])
    with pytest.raises(MissingLookBackError, match=r"rush.features is not published on 2026-01-06\.\.2026-01-07"):
        plan(context, 5, 7)


def test_days_that_the_champion_of_then_scored_are_up_to_date_after_another_promotion(
    context: StageContext, trained: Path
) -> None:
    publish(context, SCORES, plan(context, 1, 5).ids)
    promote(context, trained, 5)
    assert ranges(plan(context, 1, 5)) == [("5-5", 3)]
    assert ranges(plan(context, 2, 3)) == []
    assert ranges(plan(context, 2, catch_up=True)) == []


def test_days_of_a_version_that_was_rolled_back_are_scored_again_only_when_they_are_named(
    context: StageContext,
) -> None:
    publish(context, SCORES, plan(context, 2, 5).ids)
    promotions.rollback(context.layout.models, MODEL, reason="test")
    assert ranges(plan(context, 2, catch_up=True)) == []
    assert ranges(plan(context, 2, 5)) == [("4-5", 1)]


def test_a_version_that_was_asked_for_is_for_the_days_that_are_named_alone(context: StageContext) -> None:
    publish(context, SCORES, dict.fromkeys(days(1, 4), "from older features"))
    found = plan(context, 5, version="1", catch_up=True)
    assert ranges(found) == [("2-3", 1), ("4-4", 2), ("5-5", 1)]
    assert found.no_model == [days(1)]


def test_scores_by_a_version_that_was_asked_for_stand_until_their_days_are_named_again(context: StageContext) -> None:
    chosen = plan(context, 1, 5, version="2")
    assert ranges(chosen) == [("1-5", 2)]
    publish(context, SCORES, chosen.ids)
    assert ranges(plan(context, 5, catch_up=True)) == []
    assert ranges(plan(context, 1, 5)) == [("2-3", 1)]


def test_another_code_of_scoring_or_a_mark_changes_the_publish_id(
    context: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, champions = plan(context, 1, 5, version="2"), plan(context, 1, 5)
    assert {on: chosen.ids[on] for on in days(4, 5)} == {on: champions.ids[on] for on in days(4, 5)}
    publish(context, SCORES, champions.ids)
    monkeypatch.setattr(score_plan, "score_code_digest", lambda: "of another release")
    assert ranges(plan(context, 5, catch_up=True)) == [("2-3", 1), ("4-5", 2)]
    assert ranges(plan(context, 1, 5)) == [("2-3", 1), ("4-5", 2)]


def test_all_code_that_loading_and_scoring_import_counts_or_decides_no_scores() -> None:
    # What these give is in the version.
    of_training = {"headrace.declare.inputs", "headrace.encoding.statistics", "headrace.encoding.words"}
    listed = {*SCORE_CODE, *of_training, "headrace.errors", "headrace.frozen", "headrace.registry", "headrace.storage"}
    for module in SCORE_CODE:
        file = file_of(module)
        assert file is not None
        assert {name for name in imported(module, file) if name.startswith("headrace.")} <= {
            *listed,
            "headrace.registry.manifest",
        }


def test_a_changed_file_of_any_version_that_would_score_now_ends_the_plan(context: StageContext) -> None:
    path = context.layout.models / MODEL / "versions" / "0002" / "model.keras"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ArtefactError, match=r"0002/model\.keras has SHA-256"):
        plan(context, 2, 5)
    assert ranges(plan(context, 2, 3)) == [("2-3", 1)]
