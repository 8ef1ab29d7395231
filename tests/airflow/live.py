"""A real Airflow for tests: PostgreSQL, scheduler, DAG processor, API server and triggerer, and a client of its API."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from headrace.orchestration import keeper

PROJECT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
Json = dict[str, Any]
# As an init system has it: what ends is started again. Without the database all of them end, but for the API server.
SERVICES = """
for service in api-server scheduler dag-processor triggerer; do
  (while :; do airflow "$service"; sleep 1; done) &
done
wait
"""
JSON = {"Content-Type": "application/json", "Accept": "application/json"}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def eventually(what: str, holds: Callable[[], Any], within: float = 120, every: float = 0.5) -> Any:
    """The first true value of ``holds``; an error names what never came."""
    deadline = time.monotonic() + within
    while not (value := holds()):
        assert time.monotonic() < deadline, f"{what}: not within {within:.0f} s"
        time.sleep(every)
    return value


@dataclass
class Postgres:
    """A PostgreSQL server of Debian's in a folder, on a free port of the loopback address."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql+psycopg2://airflow@127.0.0.1:{self.port}/postgres"

    def control(self, *arguments: str) -> None:
        line = [str(programs() / "pg_ctl"), "-D", str(self.folder / "data"), "-w", *arguments]
        subprocess.run(self._as_other(line), check=True, stdout=subprocess.DEVNULL)

    def create(self) -> None:
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            shutil.chown(self.folder, "postgres")
        initdb = [str(programs() / "initdb"), "-D", str(self.folder / "data"), "-U", "airflow", "-A", "trust", "-N"]
        subprocess.run(self._as_other(initdb), check=True, stdout=subprocess.DEVNULL)
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off -c max_connections=200"
        self.control("-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self.control("-m", "immediate", "stop")

    def _as_other(self, line: list[str]) -> list[str]:
        return (
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *line] if os.geteuid() == 0 else line
        )


def programs() -> Path:
    """Where Debian keeps the newest PostgreSQL's own programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert found, "there is no PostgreSQL server: apt-get install postgresql"
    return found[-1]


class Airflow:
    """The API of a running Airflow, and its database."""

    def __init__(self, home: Path, port: int, postgres: Postgres, environment: dict[str, str]) -> None:
        self.home, self.port, self.postgres, self.environment = home, port, postgres, environment
        self._token = ""

    def call(self, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
        """The status and the answer of one request."""
        if not self._token and path != "/auth/token":
            passwords = json.loads((self.home / "passwords.json").read_text())
            login = {"username": "admin", "password": passwords["admin"]}
            self._token = self.call("POST", "/auth/token", login)[1]["access_token"]
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers=JSON | ({"Authorization": f"Bearer {self._token}"} if self._token else {}),
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read() or b"{}")

    def get(self, path: str) -> Json:
        status, answer = self.call("GET", f"/api/v2{path}")
        assert status == 200, (path, status, answer)
        return answer

    def page(self, address: str, *, known: bool = True) -> tuple[int, str]:
        """The status and the text of a page, asked for by somebody who is logged in, or is not."""
        self.get("/version")
        headers = {"Authorization": f"Bearer {self._token}"} if known else {}
        try:
            with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, ""

    def typed(self, line: str, within: float = 300) -> str:
        """What a line prints that somebody types into a shell, in the project's folder; it must succeed."""
        shell = ["bash", "-eu", "-o", "pipefail", "-c", line]
        done = subprocess.run(
            shell, cwd=self.environment["HEADRACE_HOME"], env=self.environment, capture_output=True, text=True,
            timeout=within, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (line, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def unpause(self, *dags: str) -> None:
        for dag in dags:
            eventually(f"{dag} is there", lambda dag=dag: self.call("GET", f"/api/v2/dags/{dag}")[0] == 200)
            assert self.call("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False})[0] == 200

    def pause(self, dag: str) -> None:
        assert self.call("PATCH", f"/api/v2/dags/{dag}", {"is_paused": True})[0] == 200

    def trigger(self, dag: str, *, day: str = "", **conf: Any) -> str:
        """Start a run; ``day`` is its partition. Returns its id."""
        body = {"logical_date": None, "conf": conf} | ({"partition_key": day} if day else {})
        status, answer = self.call("POST", f"/api/v2/dags/{dag}/dagRuns", body)
        assert status == 200, (status, answer)
        return str(answer["dag_run_id"])

    def run(self, dag: str, run: str, within: float = 900) -> dict[str, Json]:
        """Wait for a run's end; its task instances by task."""
        path = f"/dags/{dag}/dagRuns/{run}"
        eventually(f"{dag} {run} ends", lambda: self.get(path)["state"] in ("success", "failed"), within)
        return self.tasks(dag, run)

    def tasks(self, dag: str, run: str) -> dict[str, Json]:
        found = self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {each["task_id"]: each for each in found}

    def log(self, dag: str, run: str, task: str, attempt: int = 1) -> list[str]:
        """The lines of a task's log, as the UI shows them."""
        return _lines(self.get(_log(dag, run, task, attempt)))

    def timed_lines(self, dag: str, run: str, task: str, attempt: int = 1) -> list[tuple[str, str]]:
        """Each line of a task's log that has a time, after it."""
        content = self.get(_log(dag, run, task, attempt))["content"]
        return [(line["timestamp"], line["event"]) for line in content if line.get("timestamp")]

    def lines(self, dag: str, run: str, task: str, attempt: int = 1) -> list[str]:
        """The same while it may not be there yet."""
        status, answer = self.call("GET", f"/api/v2{_log(dag, run, task, attempt)}")
        return _lines(answer) if status == 200 else []

    def result(self, dag: str, run: str, task: str, key: str = "return_value") -> Any:
        status, answer = self.call(
            "GET", f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/{quote(key)}?deserialize=true"
        )
        return answer["value"] if status == 200 else None

    def clear(self, dag: str, run: str) -> None:
        body = {"dry_run": False, "dag_run_id": run, "only_failed": False, "reset_dag_runs": True}
        status, answer = self.call("POST", f"/api/v2/dags/{dag}/clearTaskInstances", body)
        assert status == 200, answer


def _log(dag: str, run: str, task: str, attempt: int) -> str:
    return f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}?full_content=true"


def _lines(answer: Json) -> list[str]:
    return [str(line.get("event", "")) + _detail(line) for line in answer["content"] if isinstance(line, dict)]


def _detail(line: Json) -> str:
    """The exception that a log line carries beside its text."""
    return " ".join(f"{e.get('exc_type')}: {e.get('exc_value')}" for e in line.get("error_detail") or [])


def job_processes(project: Path) -> list[int]:
    """All processes that belong to jobs of a project: those whose environment names its folder for results."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment, state = (folder / "environ").read_bytes(), (folder / "stat").read_text()
        except OSError:
            continue
        ours = f"HEADRACE_HOME={project}".encode() in environment and b"HEADRACE_RESULT=" in environment
        if ours and re.sub(r".*\)", "", state).split()[0] != "Z":
            found.append(int(folder.name))
    return found


@contextmanager
def running(home: Path, project: Path, **settings: str) -> Iterator[Airflow]:
    """Airflow as ``make airflow`` sets it up, on a database of its own; all of it ends with the block."""
    # Not below pytest's own folder, which no other user may enter.
    port, postgres = free_port(), Postgres(Path(tempfile.mkdtemp(prefix="headrace-postgres-")), free_port())
    home.mkdir(parents=True, exist_ok=True)
    postgres.create()
    address = f"http://127.0.0.1:{port}"
    own = {
        "AIRFLOW_HOME": str(home),
        "HEADRACE_HOME": str(project),
        "PYTHONPATH": os.pathsep.join([str(project), str(PROJECT / "lib")]),
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }
    settled = subprocess.run(
        ["bash", "-c", ". tools/airflow.env && env -0"], cwd=PROJECT, env=own, capture_output=True, check=True
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
    airflow = str(BIN / "airflow")
    subprocess.run([airflow, "db", "migrate"], env=environment, check=True, capture_output=True)
    subprocess.run([airflow, "pools", "set", "spark", "1", "tests"], env=environment, check=True, capture_output=True)
    with (home / "airflow.log").open("wb") as log:
        kept = keeper.under(["bash", "-c", SERVICES])
        process = subprocess.Popen(kept, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        live = Airflow(home, port, postgres, environment)
        eventually("Airflow is healthy", lambda: _healthy(live), within=240, every=1)
        yield live
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        postgres.stop()
        shutil.rmtree(postgres.folder)


def _healthy(live: Airflow) -> bool:
    try:
        status, answer = live.call("GET", "/api/v2/monitor/health")
    except (OSError, ValueError):
        return False
    parts = ("metadatabase", "scheduler", "dag_processor")
    return status == 200 and all(answer.get(part, {}).get("status") == "healthy" for part in parts)
