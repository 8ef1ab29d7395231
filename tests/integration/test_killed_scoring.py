"""Scoring that is killed: the next one completes it, and scores nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.commands import Score
from headrace.encoding.encoder import Encoder
from headrace.registry import promotions, verdicts
from headrace.registry.versions import register
from headrace.stages.context import StageContext
from pyspark.sql import SparkSession

from tests.support import lakes, points
from tests.support.killed import killed_at
from tests.support.rush import network
from tests.support.rush_lake import ALL
from tests.support.same_lake import assert_same

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.long]
MODEL, SCORES = "rush.busy", "rush.busy_scores"


@pytest.fixture(scope="module")
def champion(clean: StageContext, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """The lake with an untrained network as champion."""
    import keras

    context = lakes.copy_of(clean, tmp_path_factory.mktemp("champion"))
    model, folder = context.use_case.model(MODEL), tmp_path_factory.mktemp("model")
    encoder = Encoder.fit(context.table(model.table).read(spark, ALL), model.inputs)
    keras.utils.set_random_seed(1)
    network.build(encoder).save(folder / "model.keras")
    (folder / "encoder.json").write_text(encoder.to_json())
    version = register(context.layout.models, MODEL, folder, {"training_id": "a"})
    verdicts.record_verdict(version, {}, passed=True, sentence="it is only a test", champion=None)
    promotions.promote(context.layout.models, MODEL, version.number, reason="a test")
    return context


@pytest.fixture(scope="module")
def scored(champion: StageContext, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    context = lakes.copy_of(champion, tmp_path_factory.mktemp("scored"))
    lakes.score(context, MODEL, ALL)
    return context


@pytest.mark.parametrize("point", points.SCORING)
def test_scoring_that_is_killed_is_completed_by_the_next_one(
    champion: StageContext, scored: StageContext, tmp_path: Path, point: str
) -> None:
    context = lakes.copy_of(champion, tmp_path)
    killed_at(context, point, Score(model=MODEL, days=str(ALL)))
    lakes.score(lakes.again(context), MODEL, ALL)
    assert_same(context, scored)
    assert lakes.commits(context, SCORES) == {SCORES: 1}
