"""The lake in S3 that the cluster's jobs fill, and that of a laptop to hold it against."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import live
import pytest
from cluster import PROJECT, PYTHON
from ground import Ground
from headrace import storage

FIRST, LAST = "2013-01-01", "2013-01-20"  # what the first training has
UNTIL = "2013-01-31"  # the last day that the laptop's lake has
FEATURES, SCORES = "flights.features", "flights.late15_scores"


def trained(airflow: live.Airflow) -> None:
    """Put some weeks into the lake and make a champion, by the DAGs that a person would start."""
    run = airflow.trigger("flights_rebuild", days=f"{FIRST}..{LAST}")
    tasks = airflow.run("flights_rebuild", run, within=1200)
    assert {name: task["state"] for name, task in tasks.items()} == {
        "land": "success", "build": "success", "score": "failed",  # nothing can score before a model is trained
    }, airflow.log("flights_rebuild", run, "build")[-20:]  # fmt: skip
    run = airflow.trigger("flights_train", days=LAST)
    tasks = airflow.run("flights_train", run, within=1200)
    assert {task["state"] for task in tasks.values()} == {"success"}, airflow.log("flights_train", run, "train")[-20:]


def laptop(ground: Ground, root: Path) -> None:
    """The same days and more on this machine, with spark-submit, from the same inbox and with the same champion."""
    storage.download(ground.config().models, root / "models")
    own = {"HEADRACE_HOME": str(ground.project), "HEADRACE_ENV": "local", "PYTHONPATH": f"{ground.project}:lib"}
    own |= {"HEADRACE_CONF": str(ground.project / "conf"), "HEADRACE_JARS": str(PROJECT / "build" / "jars")}
    for line in (
        ["land", "--days", f"{FIRST}..{UNTIL}"],
        ["build", FEATURES, "--days", f"{FIRST}..{UNTIL}"],
        ["score", "flights.late15", "--days", f"{LAST}..{UNTIL}"],
    ):
        command = [str(PYTHON.with_name("headrace")), *line, "--root", str(root)]
        done = subprocess.run(
            command, cwd=ground.project, env=os.environ | own, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def rows(root: object, table: str, day: str) -> list[list[object]]:
    """The rows of a day, in the order of their key, as JSON has them."""
    code = (
        "import json, sys\n"
        "from headrace.lake.publications import path_of, table_at\nfrom headrace.storage import place\n"
        "root, table, day = sys.argv[1:]\n"
        "found = table_at(path_of(place(root) / 'lake', table)).to_pyarrow_table([('flight_date', '=', day)])\n"
        "order = [(name, 'ascending') for name in ('carrier', 'flight', 'origin')]\n"
        "print(json.dumps([list(row.values()) for row in found.sort_by(order).to_pylist()], default=str))"
    )
    own = os.environ | {"PYTHONPATH": str(PROJECT / "lib")}
    done = subprocess.run(
        [str(PYTHON), "-c", code, str(root), table, day], env=own, capture_output=True, text=True, check=True
    )
    return list(json.loads(done.stdout))


def assert_same_features(ground: Ground, laptop: Path, day: str) -> None:
    """The rows are the laptop's, exactly."""
    ours = rows(ground.config().root, FEATURES, day)
    assert len(ours) > 100
    assert ours == rows(laptop, FEATURES, day)


def assert_same_scores(ground: Ground, laptop: Path, day: str) -> None:
    """The rows are the laptop's: numbers to a millionth, all else exactly."""
    ours, theirs = rows(ground.config().root, SCORES, day), rows(laptop, SCORES, day)
    assert len(ours) > 100
    for our, their in zip(ours, theirs, strict=True):
        assert [each for each in our if not isinstance(each, float)] == [
            each for each in their if not isinstance(each, float)
        ]
        assert [each for each in our if isinstance(each, float)] == pytest.approx(
            [each for each in their if isinstance(each, float)], abs=1e-6
        )
