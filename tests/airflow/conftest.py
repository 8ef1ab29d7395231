"""One real Airflow for all tests of a session, on a copy of the shared lake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import airflow_ground, mail
from tests.support.airflow_ground import BUILT, Ground


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with (
        mail.receiving(airflow_ground.SECRET) as mails,
        airflow_ground.running(tmp_path_factory.mktemp("live"), mails) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def built(ground: Ground) -> Ground:
    """The project after Airflow has built three more days, and trained a champion."""
    rebuilt = ground.airflow.trigger("flights_rebuild", days=BUILT)
    tasks = ground.airflow.run("flights_rebuild", rebuilt)
    assert {name: task["state"] for name, task in tasks.items()} == {
        "land": "success", "build": "success", "score": "failed",  # nothing can score before a model is trained
    }  # fmt: skip
    trained = ground.airflow.trigger("flights_train", days=BUILT.split("..")[1])
    tasks = ground.airflow.run("flights_train", trained)
    assert {task["state"] for task in tasks.values()} == {"success"}
    return ground
