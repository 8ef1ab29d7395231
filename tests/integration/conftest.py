"""A small lake of real flights, landed and built: a session works on a copy of the shared lake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from headrace.stages.context import StageContext

from tests.support import lakes, shared_lake

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


def _copy(lake: Path, folder: Path) -> StageContext:
    return lakes.copy_of(lakes.local_context(lake / "root", lake / "inbox"), folder)
