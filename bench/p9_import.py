"""P9: what reading a DAG file costs beyond Airflow's own import, in CPU seconds of a new interpreter.

The DAG processor reads every file repeatedly, and each task reads its own file.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from statistics import median

from bench.result import Result, cores

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-airflow" / "bin" / "python"
TURNS = 5
MAX_SECONDS = 0.5
MEASURE = """
import json, resource, runpy, sys
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
began = cpu()
from airflow.sdk import DAG, Asset
airflow = cpu()
runpy.run_path(sys.argv[1])
print(json.dumps([airflow - began, cpu() - airflow]))
"""


def run() -> Result:
    """Measure; seconds are medians. The most expensive file counts."""
    files = sorted((ROOT / "dags").glob("*.py"))
    turns = {file.stem: [_measured(file) for _ in range(TURNS)] for file in files}
    ours = {name: median(file for _, file in seconds) for name, seconds in turns.items()}
    peer = median(airflow for seconds in turns.values() for airflow, _ in seconds)
    most = max(ours.values())
    return Result(
        id="P9-import",
        what="reading the most expensive DAG file / importing DAG and Asset from airflow.sdk, CPU (less is better)",
        ours=round(most, 3),
        peer=round(peer, 3),
        unit="s",
        ratio=round(most / peer, 3),
        aim=f"< {MAX_SECONDS} s",
        met=most < MAX_SECONDS,
        cores=cores(),
        rows=len(files),
        seconds={name: round(value, 3) for name, value in ours.items()},
    )


def _measured(file: Path) -> tuple[float, float]:
    variables = {"HEADRACE_HOME": str(ROOT), "PYTHONPATH": str(ROOT / "lib")}
    line = [str(PYTHON), "-c", MEASURE, str(file)]
    done = subprocess.run(line, env=os.environ | variables, cwd=ROOT, capture_output=True, text=True, check=True)
    airflow, ours = json.loads(done.stdout.splitlines()[-1])
    return airflow, ours
