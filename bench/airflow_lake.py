"""The real year but for its last week, and a champion, for measurements on a real Airflow: made once, then copied."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from headrace.days import DayRange
from headrace.registry import promotions
from headrace.stages.train import train_model

from bench.lake import MODEL, year_built

ROOT = Path(__file__).parents[1]
BASE, COPY = ROOT / "build" / "bench" / "airflow", ROOT / "build" / "bench" / "airflow-run"
DAYS = DayRange.parse("2013-01-01..2013-12-24")
TRAINED_ON = dt.date(2013, 12, 1)


def measured(what: str) -> dict[str, Any]:
    """What ``bench.on_airflow`` finds on a copy of the lake, in Airflow's own environment."""
    job = year_built(BASE, DAYS)
    if promotions.champion(job.config.models, MODEL) is None:
        train_model(job, MODEL, TRAINED_ON)
    job.spark.stop()
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(BASE, COPY)
    python = ROOT / ".venv-airflow" / "bin" / "python"
    paths = os.pathsep.join(str(ROOT / part) for part in ("lib", "tests/airflow", "."))
    line = [str(python), "-m", "bench.on_airflow", what, str(COPY)]
    done = subprocess.run(line, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths}, stdout=subprocess.PIPE, check=True)
    shutil.rmtree(COPY)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
