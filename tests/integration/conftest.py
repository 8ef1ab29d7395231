"""Forty days of real flights of some carriers: an inbox as the feeds deliver it, and a lake that was built from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import lakes
import pytest
from headrace import config as configuration
from headrace.stages.build import build_tables
from headrace.stages.job import Job
from headrace.stages.land import land_feeds

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONF = Path(__file__).parents[2] / "conf"
DAYS = lakes.DAYS


@pytest.fixture(scope="session")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some real days, as ``lakes.small_inbox`` has them. To be read only."""
    inbox = tmp_path_factory.mktemp("inbox")
    lakes.small_inbox(inbox, tmp_path_factory.mktemp("data"))
    return inbox


@pytest.fixture(scope="session")
def landed(inbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """All days landed, nothing built. To be read only: tests work on ``lakes.copy_of`` it."""
    job = lakes.job_at(configuration.load("local", CONF), tmp_path_factory.mktemp("landed") / "root", inbox)
    land_feeds(job, DAYS, [])
    return job


@pytest.fixture(scope="session")
def built(landed: Job, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """All days of all tables built. To be read only: tests work on ``lakes.copy_of`` it."""
    job = lakes.copy_of(landed, tmp_path_factory.mktemp("built"))
    build_tables(job, "flights.features", DAYS)
    return job
