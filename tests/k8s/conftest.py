"""One cluster, one S3 and one image for all tests of a session; an Airflow for those that need one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parents[1] / name) for name in ("airflow", "s3")]

import cluster
import lake
import live
from ground import Ground


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with cluster.running(tmp_path_factory.mktemp("k8s")) as made:
        yield made


@pytest.fixture
def nothing_is_left(ground: Ground) -> Iterator[None]:
    """A test ends with nothing of its jobs left; what is left is an error, and deleted before the next test."""
    yield
    try:
        live.eventually("nothing is left", lambda: not ground.left(), within=30)
    finally:
        ground.clear()


@pytest.fixture
def nothing_is_left_at_once(nothing_is_left: None, ground: Ground) -> Iterator[None]:
    """Where nothing is killed, it is so as soon as the job is released: this looks before the other waits."""
    yield
    assert ground.left() == []


@pytest.fixture(scope="session")
def airflow(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Airflow]:
    with cluster.airflow_on(ground, tmp_path_factory.mktemp("airflow")) as running:
        yield running


@pytest.fixture(scope="session")
def weeks(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root folder of a laptop with some weeks in its lake."""
    root = tmp_path_factory.mktemp("laptop") / "root"
    lake.weeks(ground, root)
    return root


@pytest.fixture(scope="session")
def trained(ground: Ground, airflow: live.Airflow, weeks: Path) -> live.Airflow:
    """Airflow, with the same weeks in S3 and a champion."""
    lake.trained(ground, airflow, weeks)
    airflow.pause("flights_train")  # else it trains beside the tests, once they have done a week
    assert ground.left() == []
    return airflow


@pytest.fixture(scope="session")
def laptop(trained: live.Airflow, ground: Ground, weeks: Path) -> Path:
    """The root folder of the laptop, which did the days after with the same champion."""
    lake.laptop(ground, weeks)
    return weeks
