"""A real Airflow for tests: PostgreSQL, scheduler, DAG processor, API server and triggerer."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.backends.local import supervisor

from tests.support import PROJECT
from tests.support.airflow_api import Airflow
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.waiting import eventually

BIN = Path(sys.executable).parent
# Each service is restarted when it ends, as an init system does. Without a database, all but the API server end.
SERVICES = """
for service in api-server scheduler dag-processor triggerer; do
  (while :; do airflow "$service"; sleep 1; done) &
done
wait
"""


def job_processes(project: Path) -> list[int]:
    """The processes of a project's jobs: their environment names the project and a file for results."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment, state = (folder / "environ").read_bytes(), (folder / "stat").read_text()
        except OSError:
            continue
        of_a_job = f"HEADRACE_HOME={project}".encode() in environment and b"HEADRACE_RESULT=" in environment
        if of_a_job and re.sub(r".*\)", "", state).split()[0] != "Z":
            found.append(int(folder.name))
    return found


@contextmanager
def running(home: Path, project: Path, **settings: str) -> Iterator[Airflow]:
    """Run Airflow with the settings of ``make airflow``, on its own database, until the block ends."""
    # The user `postgres` may not enter pytest's folders, so the database lies elsewhere.
    port, postgres = free_port(), Postgres(Path(tempfile.mkdtemp(prefix="headrace-postgres-")), free_port())
    home.mkdir(parents=True, exist_ok=True)
    postgres.create()
    address = f"http://127.0.0.1:{port}"
    variables = {
        "AIRFLOW_HOME": str(home),
        "HEADRACE_HOME": str(project),
        "PYTHONPATH": os.pathsep.join([str(project), str(PROJECT / "lib")]),
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }
    settled = subprocess.run(
        ["bash", "-c", ". tools/airflow.env && env -0"], cwd=PROJECT, env=variables, capture_output=True, check=True
    ).stdout.decode()
    environment = (
        os.environ
        | dict(pair.split("=", 1) for pair in settled.split("\0") if "=" in pair)
        | {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.url,
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": address,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            **settings,
        }
    )
    program = str(BIN / "airflow")
    subprocess.run([program, "db", "migrate"], env=environment, check=True, capture_output=True)
    subprocess.run([program, "pools", "set", "spark", "1", "tests"], env=environment, check=True, capture_output=True)
    with (home / "airflow.log").open("wb") as log:
        supervised = supervisor.supervised(["bash", "-c", SERVICES])
        process = subprocess.Popen(supervised, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        airflow_api = Airflow(home, port, postgres, environment)
        eventually("Airflow is healthy", lambda: _healthy(airflow_api), within=240, every=1)
        yield airflow_api
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        postgres.stop()
        shutil.rmtree(postgres.folder)


def _healthy(airflow: Airflow) -> bool:
    try:
        status, answer = airflow.call("GET", "/api/v2/monitor/health")
    except (OSError, ValueError):
        return False
    parts = ("metadatabase", "scheduler", "dag_processor")
    return status == 200 and all(answer.get(part, {}).get("status") == "healthy" for part in parts)
