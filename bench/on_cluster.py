"""The half of the cluster's benchmarks that runs in Airflow's environment, on the tests' real cluster, S3 and Airflow:
``python -m bench.on_cluster start`` or ``day ROOT``."""

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

import cluster  # that of the tests
import live
import yaml
from ground import NAMESPACE, Ground
from headrace import config as configuration
from headrace.backends.kubernetes.names import driver_of
from headrace.config import Config

from bench.on_airflow import FIRST_DAY, bare_day, seconds, stages_of_the_last

ROOT = Path(__file__).parents[1]
TURNS = 3
LINE = re.compile(r"\d\d:\d\d:\d\d  ")  # what a stage says
FIRST_LINE, WORDS = "the first line", "say 'the first line'"


def main(what: str, *root: str) -> None:
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder, _ground(Path(folder)) as (ground, airflow):
        print(json.dumps(_start(ground, airflow) if what == "start" else _day(ground, airflow, Path(*root))))


@contextmanager
def _ground(folder: Path) -> Iterator[tuple[Ground, live.Airflow]]:
    with cluster.running(folder, _lay_out) as ground, cluster.airflow_on(ground, folder / "airflow") as airflow:
        yield ground, airflow


def _lay_out(project: Path) -> None:
    """This project as it is, and nothing delivered."""
    (project / "build" / "inbox").mkdir(parents=True)
    for name in ("conf", "jobs", "dags", "tools"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "lib" / "flights", project / "flights", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".venv", ".venv-airflow", "build/jars"):
        (project / name).symlink_to(ROOT / name)


def _start(ground: Ground, airflow: live.Airflow) -> dict[str, Any]:
    """Seconds until the driver's first line, in turns: of a task, from its start; of kubectl, from its call."""
    task, applied = [], []
    for turn in range(TURNS + 3):
        run = airflow.trigger("probe", words=WORDS)
        started = airflow.run("probe", run)["probe"]
        assert started["state"] == "success"
        said = next(time for time, line in airflow.timed_lines("probe", run, "probe") if line == FIRST_LINE)
        task.append(seconds(started["start_date"], said))
        applied.append(_applied(ground, f"bench {turn}"))
    return {"task": task[1:], "bare": applied[1:]}  # the first of each fills the disk's cache


def _applied(ground: Ground, name: str) -> float:
    """The kubelet notes when a line was written, so that nothing is added by asking for it."""
    made = ground.manifest(name, "jobs/probe.py", WORDS)
    began = dt.datetime.now(dt.UTC)
    ground.kubectl("apply", "-f", "-", text=json.dumps(made))
    log = ["-n", NAMESPACE, "logs", "--timestamps", driver_of(made["metadata"]["name"])]

    def line() -> str:
        return next((each for each in ground.kubectl(*log, check=False).splitlines() if FIRST_LINE in each), "")

    written = live.eventually("the first line", line, within=120).split()[0]
    ground.kubectl("-n", NAMESPACE, "delete", "sparkapplication", made["metadata"]["name"], "--cascade=foreground")
    live.eventually("it is gone", lambda: not ground.left())
    return seconds(began.isoformat(), f"{written[:26]}+00:00")


def _day(ground: Ground, airflow: live.Airflow, root: Path) -> dict[str, Any]:
    """Real days, in turns: on the cluster with all in S3, and in a bare spark-submit with all on the disk."""
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
    said = [time for time, line in airflow.timed_lines("flights_daily", run, "day") if LINE.match(line)]
    more = {
        "until_its_first_line": seconds(found["queued_at"], said[0]),
        "stages_of_the_last": stages_of_the_last(ground.config()),
        "after_its_last_line": seconds(said[-1], found["end_date"]),
        "bare_stages_of_the_last": stages_of_the_last(local),
    }
    return {"task": task, "bare": bare, "rows": max(rows), "more": more}


def _local(project: Path, root: Path) -> Config:
    """The environment of this machine alone, with everything below ``root``."""
    path = project / "conf" / "local.yaml"
    path.write_text(
        yaml.safe_dump(yaml.safe_load(path.read_text()) | {"root": str(root), "inbox": str(root / "inbox")})
    )
    return configuration.load("local", path.parent)


if __name__ == "__main__":
    main(*sys.argv[1:])
