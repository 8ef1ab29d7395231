"""The lake in S3 on which the cluster's jobs work, and a lake on the local disk to compare it with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from headrace import storage
from headrace.commands import Build, Combined, Command, Job, Land, Score
from headrace.config import ConfigSource

from tests.support import JOBS_PYTHON, PROJECT, shared_lake
from tests.support.airflow_api import Airflow
from tests.support.cluster import put
from tests.support.ground import Ground

LAST = "2013-02-09"  # of the shared lake, and of the first training
NEXT, UNTIL = "2013-02-10", "2013-02-25"  # the days after it
FEATURES, MODEL, SCORES = "flights.features", "flights.late15", "flights.late15_scores"


def trained(ground: Ground, airflow: Airflow) -> None:
    """Copy the shared lake into S3, and train a champion by its DAG."""
    for folder in shared_lake.COPIED:
        put(shared_lake.built() / "root" / folder, ground.config().root / folder)
    run = airflow.trigger("flights_train", days=LAST)
    try:
        tasks = airflow.run("flights_train", run, within=600)
    except AssertionError as late:
        raise AssertionError(f"{late}\n{ground.seen()}") from None
    assert {task["state"] for task in tasks.values()} == {"success"}, airflow.log("flights_train", run, "train")[-20:]


def laptop(ground: Ground, root: Path, days: str) -> None:
    """Copy the shared lake to ``root``. There, land, build and score days after it with the cluster's champion."""
    for folder in shared_lake.COPIED:
        shutil.copytree(shared_lake.built() / "root" / folder, root / folder)
    storage.download(ground.config().layout.models, root / "models")
    by_hand(ground, root, Land(days), Build(FEATURES, days), Score(MODEL, days))


def by_hand(ground: Ground, root: Path, *stages: Command) -> None:
    """Run stages of the project on this machine, in one spark-submit."""
    job = Job.of(Combined(stages)).with_arguments(ConfigSource(root=str(root)).to_argv())
    settings = {"HEADRACE_HOME": str(ground.project), "HEADRACE_ENV": "local", "PYTHONPATH": f"{ground.project}:lib"}
    settings |= {"HEADRACE_CONF": str(ground.project / "conf"), "HEADRACE_JARS": str(PROJECT / "build" / "jars")}
    line = ["submit", job.file, "--", *job.arguments]
    done = subprocess.run(
        [str(JOBS_PYTHON.with_name("headrace")), *line], cwd=ground.project, env=os.environ | settings,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def rows(root: object, table: str, day: str) -> list[list[object]]:
    """The rows of a day as JSON, in the order of their key."""
    code = (
        "import json, sys\n"
        "import pyarrow\nfrom deltalake import QueryBuilder\n"
        "from headrace.lake.table import Lake\nfrom headrace.layout import Layout\nfrom headrace.storage import place\n"
        "root, table, query = sys.argv[1:]\n"
        "stored = QueryBuilder().register('stored', Lake(Layout(place(root)).tables).table(table).delta())\n"
        "found = pyarrow.table(stored.execute(query).read_all()).to_pylist()\n"
        "print(json.dumps([list(row.values()) for row in found], default=str))"
    )
    query = f"SELECT * FROM stored WHERE flight_date = '{day}' ORDER BY carrier, flight, origin"
    variables = os.environ | {"PYTHONPATH": str(PROJECT / "lib")}
    line = [str(JOBS_PYTHON), "-c", code, str(root), table, query]
    done = subprocess.run(line, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    return list(json.loads(done.stdout))


def assert_same_features(ground: Ground, laptop: Path, day: str) -> None:
    """A day's features are the rows of the local lake, exactly."""
    ours = rows(ground.config().root, FEATURES, day)
    assert len(ours) > 100
    assert ours == rows(laptop, FEATURES, day)


def assert_same_scores(ground: Ground, laptop: Path, day: str) -> None:
    """A day's scores are the rows of the local lake: floats to a millionth, all else exactly."""
    ours, theirs = rows(ground.config().root, SCORES, day), rows(laptop, SCORES, day)
    assert len(ours) > 100
    for our, their in zip(ours, theirs, strict=True):
        assert not_floats(our) == not_floats(their)
        assert floats(our) == pytest.approx(floats(their), abs=1e-6)


def floats(row: list[object]) -> list[float]:
    return [cell for cell in row if isinstance(cell, float)]


def not_floats(row: list[object]) -> list[object]:
    return [cell for cell in row if not isinstance(cell, float)]
