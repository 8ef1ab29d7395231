"""One cluster, one S3 server and one image for all tests of a session, and one Airflow for those that need it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import cluster, cluster_lake
from tests.support.airflow_api import Airflow
from tests.support.ground import Ground
from tests.support.waiting import eventually


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with cluster.running(tmp_path_factory.mktemp("k8s")) as running:
        yield running


@pytest.fixture
def nothing_is_left(ground: Ground) -> Iterator[None]:
    """Fail a test whose jobs left anything on the cluster, and delete that before the next test."""
    yield
    try:
        eventually("no object of the jobs is left", lambda: not ground.left(), within=30)
    finally:
        ground.clear()


@pytest.fixture
def nothing_is_left_at_once(nothing_is_left: None, ground: Ground) -> Iterator[None]:
    """Fail a test at once whose jobs left anything: where nothing is killed, releasing a job deletes everything."""
    yield
    assert ground.left() == []


@pytest.fixture(scope="session")
def airflow(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    with cluster.airflow_on(ground, tmp_path_factory.mktemp("airflow")) as running:
        yield running


@pytest.fixture(scope="session")
def trained(ground: Ground, airflow: Airflow) -> Airflow:
    """An Airflow whose environment has a copy of the shared lake in S3, and a champion."""
    cluster_lake.trained(ground, airflow)
    airflow.pause("flights_train")  # else it trains beside the tests, once they have done a week
    assert ground.left() == []
    return airflow
