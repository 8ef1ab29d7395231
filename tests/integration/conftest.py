"""A small lake of real flights, landed and built: a session works on a copy of the shared lake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from headrace.stages.context import StageContext

from tests.support import lakes, rush_lake, shared_lake

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def landed(tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """``lakes.DAYS`` landed, nothing built. Only for reading: a test that writes works on ``lakes.copy_of`` it."""
    return _copy(shared_lake.landed(), tmp_path_factory.mktemp("landed"))


@pytest.fixture(scope="session")
def built(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """``lakes.DAYS`` of all tables built. Only for reading: a test that writes works on ``lakes.copy_of`` it."""
    return _copy(shared_lake.built(), tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def behind(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """The tiny use case ``rush``: old days are built, a correction and a new day are delivered. Only for reading."""
    return rush_lake.behind(tmp_path_factory.mktemp("behind"))


@pytest.fixture(scope="session")
def caught_up(behind: StageContext, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """The same lake after it has caught up, without a fault. Only for reading."""
    context = lakes.copy_of(behind, tmp_path_factory.mktemp("caught-up"))
    rush_lake.recover(context)
    return context


@pytest.fixture(scope="session")
def clean(behind: StageContext, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """A lake that was fed from the same inbox and built once, in one range. Only for reading."""
    context = rush_lake.fresh_root(behind, tmp_path_factory.mktemp("clean"))
    rush_lake.recover(context)
    return context


def _copy(lake: Path, folder: Path) -> StageContext:
    return lakes.copy_of(lakes.local_context(lake / "root", lake / "inbox"), folder)
