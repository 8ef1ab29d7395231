"""One cluster, one S3 and one image for all tests of a session; an Airflow for those that need one."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parents[1] / name) for name in ("airflow", "s3")]

import cluster
import lake
import live
from cluster import Ground


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with cluster.running(tmp_path_factory.mktemp("k8s")) as made:
        before = dict(os.environ)
        os.environ.update(made.variables)
        yield made
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def airflow(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Airflow]:
    """An Airflow of its own, whose jobs run on the cluster."""
    shutil.copytree(Path(__file__).parent / "dags", ground.project / "dags", dirs_exist_ok=True)
    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": ground.kubeconfig}}
    known = {name: value for name, value in ground.variables.items() if name != "PATH"}
    settings = known | {"AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(connection)}
    with live.running(tmp_path_factory.mktemp("airflow"), ground.project, **settings) as running:
        running.unpause("probe", "flights_daily", "flights_train", "flights_rebuild", "cluster_sweep")
        yield running


@pytest.fixture(scope="session")
def trained(ground: Ground, airflow: live.Airflow) -> live.Airflow:
    """Airflow, with some weeks in the lake and a champion."""
    lake.trained(airflow)
    assert ground.left() == []
    return airflow


@pytest.fixture(scope="session")
def laptop(trained: live.Airflow, ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root folder of a laptop that did the same days with the same champion."""
    root = tmp_path_factory.mktemp("laptop") / "root"
    lake.laptop(ground, root)
    return root
