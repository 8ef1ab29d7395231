"""Scoring days of a real lake with a champion, as the job does it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import lakes
import pytest
from flights import network
from headrace.errors import MissingLookBackError
from headrace.features.encoder import Encoder
from headrace.lake.publications import path_of
from headrace.lake.read import read
from headrace.registry import promotions, verdicts
from headrace.registry.versions import Version, register
from headrace.stages.build import build_tables
from headrace.stages.job import Job
from headrace.stages.land import land_feeds
from headrace.stages.score import score_days

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow
MODEL, SCORES = "flights.late15", "flights.late15_scores"
DAYS = lakes.days("02-01", "02-02")


@pytest.fixture(scope="module")
def champion(built: Job, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The lake with an untrained network as champion: how good it is does not matter here."""
    import keras

    job = lakes.copy_of(built, tmp_path_factory.mktemp("champion"))
    model, folder = job.use_case.model(MODEL), tmp_path_factory.mktemp("model")
    encoder = Encoder.fit(read(spark, job.config.tables, model.table, lakes.days("01-20", "01-31")), model.inputs)
    keras.utils.set_random_seed(1)
    network.build(encoder).save(folder / "model.keras")
    (folder / "encoder.json").write_text(encoder.to_json())
    version = register(job.config.models, MODEL, folder, {"training_id": "a"})
    verdicts.record_verdict(version, {}, passed=True, sentence="it is only a test", champion=None)
    promotions.promote(job.config.models, MODEL, version.number, reason="a test")
    return job


def champion_of(job: Job) -> Version:
    found = promotions.champion(job.config.models, MODEL)
    assert found is not None
    return found


def test_scored_days_say_what_they_come_from_and_scoring_them_again_commits_nothing(
    champion: Job, tmp_path: Path
) -> None:
    job = lakes.copy_of(champion, tmp_path)
    score_days(job, MODEL, DAYS)
    rows, features = lakes.rows_of(job, SCORES), lakes.rows_of(job, "flights.features", DAYS)
    assert [[r[c] for c in lakes.KEY] for r in rows] == [[r[c] for c in lakes.KEY] for r in features]
    assert all(0 < row["score"] < 1 for row in rows)
    ids, version = lakes.ids_of(job, "flights.features"), champion_of(job)
    assert {(r["flight_date"], r["features_publish_id"], r["model_digest"]) for r in rows} == {
        (day, ids[day], version.digest) for day in DAYS
    }
    score_days(job, MODEL, DAYS)
    assert lakes.commits(job, SCORES) == {SCORES: 1}


def test_catching_up_scores_the_days_again_whose_features_changed_and_no_others(champion: Job, tmp_path: Path) -> None:
    job = lakes.copy_of(champion, tmp_path)
    score_days(job, MODEL, DAYS)
    before = lakes.ids_of(job, SCORES)
    changed = lakes.days("02-02")
    lakes.change(job, "schedule", changed.first, lakes.of_first("tailnum", "N999ZZ"))
    land_feeds(job, changed, ["schedule"])
    build_tables(job, "flights.features", changed, catch_up=True)
    score_days(job, MODEL, lakes.days("01-31"))
    assert lakes.moved(job, SCORES, before) == [lakes.day("01-31")]
    before = lakes.ids_of(job, SCORES)
    score_days(job, MODEL, lakes.days("01-31"), catch_up=True)
    assert lakes.moved(job, SCORES, before) == [changed.first]


@pytest.mark.parametrize("file", ["model.keras", "encoder.json"])
def test_a_model_file_that_was_changed_scores_nothing(champion: Job, tmp_path: Path, file: str) -> None:
    job = lakes.copy_of(champion, tmp_path)
    path = champion_of(job).path / file
    path.write_bytes(path.read_bytes() + b" ")
    ended = lakes.ran(job, "score", MODEL, "--days", str(DAYS))
    assert ended.code == 65
    assert re.match(
        rf"ArtefactError: {re.escape(str(path))} has SHA-256 \w+ \(\d+ bytes\), its manifest says", ended.reason
    )
    assert ended.told == ended.reason + "\n"
    assert not path_of(job.config.tables, SCORES).exists()


def test_days_without_features_may_be_scored_later(champion: Job) -> None:
    with pytest.raises(
        MissingLookBackError, match=r"features is not published on 1 of the days 2013-02-09\.\.2013-02-10"
    ):
        score_days(champion, MODEL, lakes.days("02-09", "02-10"))
    assert not path_of(champion.config.tables, SCORES).exists()
