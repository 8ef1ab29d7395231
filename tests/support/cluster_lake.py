"""The lake in S3 on which the cluster's jobs work, and a lake on the local disk to compare it with."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from headrace import commands, storage
from headrace.commands import Command

from tests.support import JOBS_PYTHON, PROJECT
from tests.support.airflow_api import Airflow
from tests.support.cluster import put
from tests.support.ground import Ground

FIRST, LAST = "2013-01-01", "2013-01-20"  # the days of the first training
NEXT, UNTIL = "2013-01-21", "2013-02-05"  # the days after it, in both lakes
FEATURES, MODEL, SCORES = "flights.features", "flights.late15", "flights.late15_scores"


def weeks(ground: Ground, root: Path) -> None:
    """Land and build the days of the first training on this machine, from the same inbox."""
    days = f"{FIRST}..{LAST}"
    by_hand(ground, root, commands.land(days), commands.build(FEATURES, days))


def trained(ground: Ground, airflow: Airflow, weeks: Path) -> None:
    """Copy those weeks into S3, and train a champion by its DAG."""
    for folder in ("raw", "lake"):
        put(weeks / folder, ground.config().root / folder)
    run = airflow.trigger("flights_train", days=LAST)
    tasks = airflow.run("flights_train", run, within=1200)
    assert {task["state"] for task in tasks.values()} == {"success"}, airflow.log("flights_train", run, "train")[-20:]


def laptop(ground: Ground, root: Path) -> None:
    """Land, build and score the days after on this machine, with the cluster's champion."""
    storage.download(ground.config().models, root / "models")
    days = f"{NEXT}..{UNTIL}"
    by_hand(ground, root, commands.land(days), commands.build(FEATURES, days), commands.score(MODEL, days))


def by_hand(ground: Ground, root: Path, *stages: Command) -> None:
    """Run stages of the project on this machine, in one spark-submit."""
    job = commands.in_one(*(replace(each, arguments=(*each.arguments, "--root", str(root))) for each in stages))
    own = {"HEADRACE_HOME": str(ground.project), "HEADRACE_ENV": "local", "PYTHONPATH": f"{ground.project}:lib"}
    own |= {"HEADRACE_CONF": str(ground.project / "conf"), "HEADRACE_JARS": str(PROJECT / "build" / "jars")}
    line = ["submit", job.file, "--", *job.arguments]
    done = subprocess.run(
        [str(JOBS_PYTHON.with_name("headrace")), *line], cwd=ground.project, env=os.environ | own,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def rows(root: object, table: str, day: str) -> list[list[object]]:
    """The rows of a day as JSON, in the order of their key."""
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
        [str(JOBS_PYTHON), "-c", code, str(root), table, day], env=own, capture_output=True, text=True, check=True
    )
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
        assert [each for each in our if not isinstance(each, float)] == [
            each for each in their if not isinstance(each, float)
        ]
        assert [each for each in our if isinstance(each, float)] == pytest.approx(
            [each for each in their if isinstance(each, float)], abs=1e-6
        )
