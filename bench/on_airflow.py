"""The half of P9 that runs in Airflow's environment, on a real Airflow: python -m bench.on_airflow day ROOT"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import live  # the Airflow of the tests
import yaml
from headrace import commands, submit
from headrace import config as configuration
from headrace.commands import Command
from headrace.config import Config

ROOT = Path(__file__).parents[1]
FEATURES, MODEL = "flights.features", "flights.late15"
FIRST_DAY, TURNS = dt.date(2013, 12, 25), 3
LANDED = "2013-12-24"


def main(what: str, root: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        project = Path(folder) / "project"
        _lay_out(project, root)
        config = configuration.load("local", project / "conf")
        with live.running(Path(folder) / "airflow", project) as airflow:
            print(json.dumps({"overhead": _overhead, "day": _day}[what](airflow, config, project)))


def _lay_out(project: Path, root: Path) -> None:
    """This project, with another place for what it keeps, and a DAG of one short task beside its own."""
    (project / "dags").mkdir(parents=True)
    for name in ("jobs", "lib", "tools", ".venv", "build"):
        (project / name).symlink_to(ROOT / name)
    for file in (ROOT / "dags").glob("*.py"):
        (project / "dags" / file.name).symlink_to(file)
    (project / "dags" / "land_again.py").write_text(
        "from airflow.sdk import dag\nfrom headrace.orchestration import land\n\n\n@dag(schedule=None)\n"
        f"def land_again():\n    land(days='{LANDED}')\n\n\nland_again()\n"
    )
    (project / "conf").mkdir()
    base, local = (yaml.safe_load((ROOT / "conf" / f"{name}.yaml").read_text()) for name in ("base", "local"))
    (project / "conf" / "base.yaml").write_text(yaml.safe_dump(base))
    (project / "conf" / "local.yaml").write_text(
        yaml.safe_dump(local | {"root": str(root), "inbox": str(root / "inbox")})
    )


def _overhead(airflow: live.Airflow, config: Config, project: Path) -> dict[str, Any]:
    airflow.unpause("land_again")
    task, queued, bare = [], [], []
    for _ in range(TURNS + 1):
        run = airflow.trigger("land_again")
        landed = airflow.run("land_again", run)["land"]
        assert landed["state"] == "success"
        task.append(landed["duration"])
        queued.append(seconds(landed["queued_when"], landed["end_date"]))
        bare.append(_bare(config, project, commands.land(LANDED)))
    counted = slice(1, None)  # the first of each fills the disk's cache
    return {"task": task[counted], "bare": bare[counted], "rows": 0, "more": {"since_queued": queued[counted]}}


def _day(airflow: live.Airflow, config: Config, project: Path) -> dict[str, Any]:
    airflow.unpause("flights_daily")
    days = [FIRST_DAY + n * dt.timedelta(days=1) for n in range(2 * TURNS)]
    task, bare, rows = [], [], []
    for of_airflow, of_bare in zip(days[::2], days[1::2], strict=True):
        run = airflow.trigger("flights_daily", day=str(of_airflow))
        assert airflow.run("flights_daily", run)["day"]["state"] == "success"
        rows.append(airflow.result("flights_daily", run, "day")[-1]["rows"])
        found = airflow.get(f"/dags/flights_daily/dagRuns/{run}")
        task.append(seconds(found["queued_at"], found["end_date"]))
        bare.append(bare_day(config, project, str(of_bare)))
    return {"task": task, "bare": bare, "rows": max(rows), "more": {"stages_of_the_last": stages_of_the_last(config)}}


def stages_of_the_last(config: Config) -> dict[str, float]:
    """The seconds of each stage of the last day, by the ledger."""
    ledger = [json.loads(path.read_text()) for path in sorted(config.ledger.glob("*.json"))[-3:]]
    return {row["stage"]: row["seconds"] for row in ledger}


def bare_day(config: Config, project: Path, day: str) -> float:
    """The seconds of a day from landing to scores in one spark-submit, without Airflow."""
    stages = commands.land(day), commands.build(FEATURES, day), commands.score(MODEL, day)
    return _bare(config, project, commands.in_one(*stages))


def _bare(config: Config, project: Path, command: Command) -> float:
    line = submit.command(config, command.file, command.arguments)
    environment = submit.environment(config) | {"HEADRACE_CONF": str(project / "conf")}
    began = time.monotonic()
    subprocess.run(line, env=environment, cwd=ROOT, check=True, capture_output=True)
    return round(time.monotonic() - began, 2)


def seconds(first: str, last: str) -> float:
    """Between two times as Airflow writes them."""
    return round((dt.datetime.fromisoformat(last) - dt.datetime.fromisoformat(first)).total_seconds(), 2)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
