"""The part of the cluster's benchmarks that runs in Airflow's environment, on the tests' cluster, S3 and Airflow.

It is ``python -m bench.on_cluster start`` or ``python -m bench.on_cluster day ROOT``.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from headrace import config as configuration
from headrace.backends.kubernetes.names import driver_of
from headrace.config import Config

from bench.on_airflow import FIRST_DAY, bare_day, seconds, stages_of_the_last
from tests.support import cluster
from tests.support.airflow_api import Airflow
from tests.support.ground import NAMESPACE, Ground
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[1]
TURNS = 3
LINE = re.compile(r"\d\d:\d\d:\d\d  ")  # the start of a line that a stage prints
FIRST_LINE, WORDS = "the first line", "say 'the first line'"


def main(what: str, *root: str) -> None:
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder, _ground(Path(folder)) as (ground, airflow):
        print(json.dumps(_start(ground, airflow) if what == "start" else _day(ground, airflow, Path(*root))))


@contextmanager
def _ground(folder: Path) -> Iterator[tuple[Ground, Airflow]]:
    with cluster.running(folder, _lay_out) as ground, cluster.airflow_on(ground, folder / "airflow") as airflow:
        yield ground, airflow


def _lay_out(project: Path) -> None:
    """Copy this project, with an empty inbox."""
    (project / "build" / "inbox").mkdir(parents=True)
    for name in ("conf", "jobs", "dags", "tools"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "lib" / "flights", project / "flights", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".venv", ".venv-airflow", "build/jars"):
        (project / name).symlink_to(ROOT / name)


def _start(ground: Ground, airflow: Airflow) -> dict[str, Any]:
    """The seconds until the driver's first line, in turns: from a task's start, and from a call of kubectl."""
    task, applied = [], []
    for turn in range(TURNS + 3):
        run = airflow.trigger("probe", words=WORDS)
        started = airflow.run("probe", run)["probe"]
        assert started["state"] == "success"
        written = next(time for time, line in airflow.timed_lines("probe", run, "probe") if line == FIRST_LINE)
        task.append(seconds(started["start_date"], written))
        applied.append(_applied(ground, f"bench {turn}"))
    return {"task": task[1:], "bare": applied[1:]}  # the first turn fills the disk's cache


def _applied(ground: Ground, name: str) -> float:
    """The seconds from ``kubectl apply`` to the first line. The kubelet notes the line's time, so reading adds none."""
    manifest = ground.manifest(name, "jobs/probe.py", WORDS)
    application = manifest["metadata"]["name"]
    began = dt.datetime.now(dt.UTC)
    ground.kubectl("apply", "-f", "-", text=json.dumps(manifest))
    log = ["-n", NAMESPACE, "logs", "--timestamps", driver_of(application)]

    def line() -> str:
        return next((found for found in ground.kubectl(*log, check=False).splitlines() if FIRST_LINE in found), "")

    written = eventually("the first line", line, within=120).split()[0]
    ground.kubectl("-n", NAMESPACE, "delete", "sparkapplication", application, "--cascade=foreground")
    eventually("it is gone", lambda: not ground.left())
    return seconds(began.isoformat(), f"{written[:26]}+00:00")


def _day(ground: Ground, airflow: Airflow, root: Path) -> dict[str, Any]:
    """Real days, in turns: on the cluster and S3, and in a bare spark-submit on the disk."""
    cluster.put(root, ground.config().root)
    local = _local(ground.project, root)
    task, bare, rows = [], [], []
    for day in (str(FIRST_DAY + n * dt.timedelta(days=1)) for n in range(TURNS)):
        run = airflow.trigger("flights_daily", day=day)
        done = airflow.run("flights_daily", run)["day"]
        assert done["state"] == "success", airflow.log("flights_daily", run, "day", done["try_number"])[-20:]
        rows.append(airflow.result("flights_daily", run, "day")[-1]["rows"])
        found = airflow.get(f"/dags/flights_daily/dagRuns/{run}")
        task.append(seconds(found["queued_at"], found["end_date"]))
        bare.append(bare_day(local, ground.project, day))
    written = [time for time, line in airflow.timed_lines("flights_daily", run, "day") if LINE.match(line)]
    more = {
        "until_its_first_line": seconds(found["queued_at"], written[0]),
        "stages_of_the_last": stages_of_the_last(ground.config()),
        "after_its_last_line": seconds(written[-1], found["end_date"]),
        "bare_stages_of_the_last": stages_of_the_last(local),
    }
    return {"task": task, "bare": bare, "rows": max(rows), "more": more}


def _local(project: Path, root: Path) -> Config:
    """The configuration of the local environment, with everything below ``root``."""
    path = project / "conf" / "local.yaml"
    path.write_text(
        yaml.safe_dump(yaml.safe_load(path.read_text()) | {"root": str(root), "inbox": str(root / "inbox")})
    )
    return configuration.load("local", path.parent)


if __name__ == "__main__":
    main(*sys.argv[1:])
