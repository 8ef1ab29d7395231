"""Scoring that is killed: the next one completes it, and scores nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.commands import Score
from headrace.stages.context import StageContext
from pyspark.sql import SparkSession

from tests.support import lakes, points
from tests.support.killed import killed_at
from tests.support.rush import network
from tests.support.rush_lake import ALL
from tests.support.same_lake import assert_same
from tests.support.untrained import make_champion

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.long]
MODEL, SCORES = "rush.busy", "rush.busy_scores"


@pytest.fixture(scope="module")
def champion(clean: StageContext, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """The lake with an untrained network as champion."""
    context = lakes.copy_of(clean, tmp_path_factory.mktemp("champion"))
    folder = tmp_path_factory.mktemp("model")
    make_champion(context, MODEL, network.build, ALL, spark, folder, trained_on=ALL.first)
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
