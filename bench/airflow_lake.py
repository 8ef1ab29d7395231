"""The real year without its last week, and a champion, for measurements on a real Airflow: made once, then copied."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from headrace.commands import Train
from headrace.days import DayRange
from headrace.registry import promotions
from headrace.stages.runner import run_stage

from bench.lake import MODEL, year_built

ROOT = Path(__file__).parents[1]
BASE, COPY = ROOT / "build" / "bench" / "airflow", ROOT / "build" / "bench" / "airflow-run"
DAYS = DayRange.parse("2013-01-01..2013-12-24")
TRAINED_ON = "2013-12-01"


def measured(what: str, module: str = "bench.on_airflow") -> dict[str, Any]:
    """What the module measures on a copy of the lake, in Airflow's own environment."""
    context = year_built(BASE, DAYS)
    if promotions.champion(context.layout.models, MODEL) is None:
        run_stage(context, Train(MODEL, TRAINED_ON))
    context.spark.stop()
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(BASE, COPY)
    found = with_airflow(module, what, str(COPY))
    shutil.rmtree(COPY)
    return found


def with_airflow(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module with Airflow's Python, and return the JSON in the last line that it prints."""
    python = ROOT / ".venv-airflow" / "bin" / "python"
    paths = os.pathsep.join(str(ROOT / part) for part in ("lib", "."))
    line = [str(python), "-m", module, *arguments]
    done = subprocess.run(line, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths}, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
