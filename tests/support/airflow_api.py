"""A client of a running Airflow's API."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.support.postgres import Postgres
from tests.support.waiting import eventually

Json = dict[str, Any]
JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class Airflow:
    """The API of a running Airflow, and its database."""

    def __init__(self, home: Path, port: int, postgres: Postgres, environment: dict[str, str]) -> None:
        self.home, self.port, self.postgres, self.environment = home, port, postgres, environment
        self._token = ""

    def call(self, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
        """Send one request, after a log-in, and return its status and its answer."""
        if not self._token and path != "/auth/token":
            passwords = json.loads((self.home / "passwords.json").read_text())
            login = {"username": "admin", "password": passwords["admin"]}
            self._token = self.call("POST", "/auth/token", login)[1]["access_token"]
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers=JSON_HEADERS | ({"Authorization": f"Bearer {self._token}"} if self._token else {}),
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read() or b"{}")

    def get(self, path: str) -> Json:
        """The answer at a path below ``/api/v2``; the request must succeed."""
        status, answer = self.call("GET", f"/api/v2{path}")
        assert status == 200, (path, status, answer)
        return answer

    def page(self, address: str, *, logged_in: bool = True) -> tuple[int, str]:
        """The status and the text of a page. ``logged_in``: whether the request carries a token."""
        self.get("/version")
        headers = {"Authorization": f"Bearer {self._token}"} if logged_in else {}
        try:
            with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, ""

    def typed(self, line: str, within: float = 300) -> str:
        """Run a line in a shell, in the project's folder, and return what it prints; it must succeed."""
        shell = ["bash", "-eu", "-o", "pipefail", "-c", line]
        done = subprocess.run(
            shell, cwd=self.environment["HEADRACE_HOME"], env=self.environment, capture_output=True, text=True,
            timeout=within, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (line, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def unpause(self, *dags: str) -> None:
        for dag in dags:
            eventually(f"Airflow knows {dag}", partial(self._knows, dag))
            assert self.call("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False})[0] == 200

    def _knows(self, dag: str) -> bool:
        return self.call("GET", f"/api/v2/dags/{dag}")[0] == 200

    def pause(self, dag: str) -> None:
        assert self.call("PATCH", f"/api/v2/dags/{dag}", {"is_paused": True})[0] == 200

    def trigger(self, dag: str, *, day: str = "", **conf: Any) -> str:
        """Start a run whose partition is ``day``, and return its id."""
        body = {"logical_date": None, "conf": conf} | ({"partition_key": day} if day else {})
        status, answer = self.call("POST", f"/api/v2/dags/{dag}/dagRuns", body)
        assert status == 200, (status, answer)
        return str(answer["dag_run_id"])

    def run(self, dag: str, run: str, within: float = 900) -> dict[str, Json]:
        """Wait until a run ends, and return its task instances by task.

        Raises:
            AssertionError: the run did not end; the message has the state and the last lines of each task.
        """
        path = f"/dags/{dag}/dagRuns/{run}"
        try:
            eventually(f"{dag} {run} ends", lambda: self.get(path)["state"] in ("success", "failed"), within)
        except AssertionError as late:
            states = {name: task["state"] for name, task in self.tasks(dag, run).items()}
            shown = [f"{name}: {state} {self.lines(dag, run, name)[-5:]}" for name, state in states.items()]
            raise AssertionError("\n".join([str(late), *shown])) from late
        return self.tasks(dag, run)

    def tasks(self, dag: str, run: str) -> dict[str, Json]:
        found = self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {task["task_id"]: task for task in found}

    def backfilled(self, dag: str) -> list[Json]:
        """The runs of all backfills, in the order of their partitions."""
        runs = self.get(f"/dags/{dag}/dagRuns?run_type=backfill&limit=100")["dag_runs"]
        return sorted(runs, key=lambda run: str(run["partition_key"]))

    def triggerer_of(self, dag: str, run: str, task: str) -> int | None:
        """The id of the triggerer that has a task's trigger."""
        found = self.tasks(dag, run)[task].get("triggerer_job") or {}
        return found.get("id")

    def log(self, dag: str, run: str, task: str, attempt: int = 1) -> list[str]:
        """The lines of a task's log, as the UI shows them."""
        return _lines(self.get(_log(dag, run, task, attempt)))

    def last_line(self, dag: str, run: str, task: str) -> str:
        """The last line of a task's log, without the marks that fold a log in the UI."""
        return [line for line in self.log(dag, run, task) if not line.startswith("::")][-1]

    def timed_lines(self, dag: str, run: str, task: str, attempt: int = 1) -> list[tuple[str, str]]:
        """The time and the text of each line of a task's log that has a time."""
        content = self.get(_log(dag, run, task, attempt))["content"]
        return [(line["timestamp"], line["event"]) for line in content if line.get("timestamp")]

    def lines(self, dag: str, run: str, task: str, attempt: int = 1) -> list[str]:
        """The lines of a task's log; none while Airflow has no log of it yet."""
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
