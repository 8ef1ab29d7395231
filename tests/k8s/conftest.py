"""One cluster, one S3 and one image for all tests of a session; an Airflow for those that need one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import cluster
import pytest
from cluster import Ground

sys.path.append(str(Path(__file__).parents[1] / "airflow"))


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with cluster.running(tmp_path_factory.mktemp("k8s")) as made:
        before = dict(os.environ)
        os.environ.update(made.variables)
        yield made
        os.environ.clear()
        os.environ.update(before)
