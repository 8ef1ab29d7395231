"""The part of P9 that runs in Airflow's environment, on a real Airflow: python -m bench.on_airflow day ROOT"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from headrace import config as configuration
from headrace import variables
from headrace.backends.local.command import environment, spark_submit
from headrace.commands import Build, Combined, Job, Land, Score
from headrace.config import Config
from headrace.ledger.record import runs

from tests.support import airflow
from tests.support.airflow_api import Airflow

ROOT = Path(__file__).parents[1]
FEATURES, MODEL = "flights.features", "flights.late15"
FIRST_DAY, TURNS = dt.date(2013, 12, 25), 3
LANDED = "2013-12-24"
LAND_AGAIN = f"""
from airflow.sdk import dag
from headrace.orchestration import Land, stage


@dag(schedule=None)
def land_again():
    stage(Land("{LANDED}"))


land_again()
"""


def main(what: str, root: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        project = Path(folder) / "project"
        _lay_out(project, root)
        config = configuration.load("local", project / "conf")
        with airflow.running(Path(folder) / "airflow", project) as started:
            print(json.dumps({"overhead": _overhead, "day": _day}[what](started, config, project)))


def _lay_out(project: Path, root: Path) -> None:
    """Link this project's files, with ``root`` as the place of its lake, and add a DAG of one short task."""
    (project / "dags").mkdir(parents=True)
    for name in ("jobs", "lib", "tools", ".venv", "build"):
        (project / name).symlink_to(ROOT / name)
    for file in (ROOT / "dags").glob("*.py"):
        (project / "dags" / file.name).symlink_to(file)
    (project / "dags" / "land_again.py").write_text(LAND_AGAIN)
    (project / "conf").mkdir()
    base, local = (yaml.safe_load((ROOT / "conf" / f"{name}.yaml").read_text()) for name in ("base", "local"))
    (project / "conf" / "base.yaml").write_text(yaml.safe_dump(base))
    (project / "conf" / "local.yaml").write_text(
        yaml.safe_dump(local | {"root": str(root), "inbox": str(root / "inbox")})
    )


def _overhead(started: Airflow, config: Config, project: Path) -> dict[str, Any]:
    started.unpause("land_again")
    task, queued, bare = [], [], []
    for _ in range(TURNS + 1):
        run = started.trigger("land_again")
        landed = started.run("land_again", run)["land"]
        assert landed["state"] == "success"
        task.append(landed["duration"])
        queued.append(seconds(landed["queued_when"], landed["end_date"]))
        bare.append(_bare(config, project, Job.of(Land(LANDED))))
    counted = slice(1, None)  # the first turn fills the disk's cache
    return {"task": task[counted], "bare": bare[counted], "rows": 0, "more": {"since_queued": queued[counted]}}


def _day(started: Airflow, config: Config, project: Path) -> dict[str, Any]:
    started.unpause("flights_daily")
    days = [FIRST_DAY + n * dt.timedelta(days=1) for n in range(2 * TURNS)]
    task, bare, rows = [], [], []
    for of_airflow, of_bare in zip(days[::2], days[1::2], strict=True):
        run = started.trigger("flights_daily", day=str(of_airflow))
        assert started.run("flights_daily", run)["day"]["state"] == "success"
        rows.append(started.result("flights_daily", run, "day")[-1]["rows"])
        found = started.get(f"/dags/flights_daily/dagRuns/{run}")
        task.append(seconds(found["queued_at"], found["end_date"]))
        bare.append(bare_day(config, project, str(of_bare)))
    return {"task": task, "bare": bare, "rows": max(rows), "more": {"stages_of_the_last": stages_of_the_last(config)}}


def stages_of_the_last(config: Config) -> dict[str, float]:
    """The seconds of each stage of the last day, as the ledger records them."""
    return {run.stage: run.seconds for run in runs(config.layout.ledger)[-3:]}


def bare_day(config: Config, project: Path, day: str) -> float:
    """The seconds of a day from landing to scores in one spark-submit, without Airflow."""
    return _bare(config, project, Job.of(Combined((Land(day), Build(FEATURES, day), Score(MODEL, day)))))


def _bare(config: Config, project: Path, job: Job) -> float:
    settings = environment(config) | {variables.CONF: str(project / "conf")}
    began = time.monotonic()
    subprocess.run(spark_submit(config, job), env=settings, cwd=ROOT, check=True, capture_output=True)
    return round(time.monotonic() - began, 2)


def seconds(first: str, last: str) -> float:
    """The seconds between two times as Airflow writes them."""
    return round((dt.datetime.fromisoformat(last) - dt.datetime.fromisoformat(first)).total_seconds(), 2)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
