"""The stage that scores days of a real lake with a champion."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flights import network
from headrace.errors import MissingLookBackError
from headrace.registry import promotions
from headrace.registry.versions import Version
from headrace.stages.context import StageContext

from tests.support import lake_jobs, lakes
from tests.support.untrained import make_champion

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow
MODEL, SCORES = "flights.late15", "flights.late15_scores"
DAYS = lakes.days("02-01", "02-02")


@pytest.fixture(scope="module")
def champion(built: StageContext, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """The lake with an untrained network as champion. Its quality does not matter here."""
    context = lakes.copy_of(built, tmp_path_factory.mktemp("champion"))
    folder, learned, trained_on = tmp_path_factory.mktemp("model"), lakes.days("01-20", "01-30"), lakes.day("01-31")
    make_champion(context, MODEL, network.build, learned, spark, folder, trained_on=trained_on)
    return context


def champion_of(context: StageContext) -> Version:
    found = promotions.champion(context.layout.models, MODEL)
    assert found is not None
    return found


def test_scored_days_say_what_they_come_from_and_scoring_them_again_commits_nothing(
    champion: StageContext, tmp_path: Path
) -> None:
    context = lakes.copy_of(champion, tmp_path)
    lakes.score(context, MODEL, DAYS)
    rows, features = lakes.rows_of(context, SCORES), lakes.rows_of(context, "flights.features", DAYS)
    assert [[r[c] for c in lakes.KEY] for r in rows] == [[r[c] for c in lakes.KEY] for r in features]
    assert all(0 < row["score"] < 1 for row in rows)
    ids, version = lakes.ids_of(context, "flights.features"), champion_of(context)
    assert {(r["flight_date"], r["features_publish_id"], r["model_digest"]) for r in rows} == {
        (day, ids[day], version.digest) for day in DAYS
    }
    lakes.score(context, MODEL, DAYS)
    assert lakes.commits(context, SCORES) == {SCORES: 1}


def test_catching_up_scores_the_days_again_whose_features_changed_and_no_others(
    champion: StageContext, tmp_path: Path
) -> None:
    context = lakes.copy_of(champion, tmp_path)
    lakes.score(context, MODEL, DAYS)
    before = lakes.ids_of(context, SCORES)
    changed = lakes.days("02-02")
    lakes.change(context, "schedule", changed.first, lakes.of_first("tailnum", "N999ZZ"))
    lakes.land(context, changed, "schedule", restate=True)
    lakes.build(context, "flights.features", changed, catch_up=True)
    lakes.score(context, MODEL, lakes.days("01-31"))
    assert lakes.moved(context, SCORES, before) == [lakes.day("01-31")]
    before = lakes.ids_of(context, SCORES)
    lakes.score(context, MODEL, lakes.days("01-31"), catch_up=True)
    assert lakes.moved(context, SCORES, before) == [changed.first]


@pytest.mark.parametrize("file", ["model.keras", "encoder.json"])
def test_a_model_file_that_was_changed_scores_nothing(champion: StageContext, tmp_path: Path, file: str) -> None:
    context = lakes.copy_of(champion, tmp_path)
    path = champion_of(context).path / file
    path.write_bytes(path.read_bytes() + b" ")
    ended = lake_jobs.ran(context, "score", MODEL, "--days", str(DAYS))
    assert ended.code == 65
    assert re.match(
        rf"ArtefactError: {re.escape(str(path))} has SHA-256 \w+ \(\d+ bytes\), its manifest says", ended.reason
    )
    assert ended.termination_message == ended.reason + "\n"
    assert not context.lake.table(SCORES).path.exists()


def test_days_without_features_may_be_scored_later(champion: StageContext) -> None:
    with pytest.raises(MissingLookBackError, match=r"features is not published on 2013-02-10"):
        lakes.score(champion, MODEL, lakes.days("02-09", "02-10"))
    assert not champion.lake.table(SCORES).path.exists()
