"""Faults while a job of a real Airflow runs: there is one result in the end, and no process is left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.support import PROJECT
from tests.support.airflow import job_processes
from tests.support.airflow_api import JSON_HEADERS
from tests.support.airflow_ground import Ground
from tests.support.ports import free_port
from tests.support.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def ready(built: Ground) -> Ground:
    """The lake until the 17th of February: each test takes a day after it, so that its job has something to do."""
    run = built.airflow.trigger("flights_rebuild", days="2013-02-11..2013-02-17")
    assert built.airflow.run("flights_rebuild", run)["score"]["state"] == "success"
    return built


def job_of(ground: Ground, run: str) -> list[int]:
    """The job's processes, once Spark is at work."""

    def at_work() -> list[int]:
        found = job_processes(ground.project)
        return found if any("java" in psutil.Process(pid).name() for pid in found if psutil.pid_exists(pid)) else []

    found: list[int] = eventually(f"the job of {run} runs", at_work, within=120)
    time.sleep(5)  # until it is in the middle of something
    return found


def gone(ground: Ground, within: float) -> None:
    eventually("no process of the job is left", lambda: not job_processes(ground.project), within, every=0.1)


def test_marking_a_task_failed_ends_its_job_and_all_that_it_started(ready: Ground) -> None:
    before = ready.versions()
    run = ready.airflow.trigger("flights_daily", day="2013-02-18")
    job_of(ready, run)
    lines = ready.airflow.log("flights_daily", run, "day")  # the log is readable while the job runs
    assert any(re.search(r"land +schedule +2013-02-18", line) for line in lines)
    path = f"/api/v2/dags/flights_daily/dagRuns/{run}/taskInstances/day"
    assert ready.airflow.call("PATCH", path, {"new_state": "failed"})[0] == 200
    gone(ready, within=20)
    assert ready.airflow.run("flights_daily", run)["day"]["state"] == "failed"
    assert ready.versions() == before


def test_a_worker_that_is_killed_leaves_no_process_and_the_next_try_has_the_one_result(ready: Ground) -> None:
    run = ready.airflow.trigger("flights_daily", day="2013-02-18")
    job = job_of(ready, run)
    worker = worker_of(job)
    os.kill(worker, signal.SIGKILL)
    gone(ready, within=20)
    tasks = ready.airflow.run("flights_daily", run, within=600)
    assert tasks["day"]["state"] == "success", ready.airflow.log("flights_daily", run, "day")[-10:]
    assert tasks["day"]["try_number"] == 2
    assert ready.airflow.result("flights_daily", run, "day")[-1]["stage"] == "score"


def test_clearing_a_task_while_its_job_runs_ends_the_job_and_does_it_once_more(ready: Ground) -> None:
    run = ready.airflow.trigger("flights_daily", day="2013-02-19")
    first = set(job_of(ready, run))
    ready.airflow.clear("flights_daily", run)
    eventually("the first job is gone", lambda: not first & set(job_processes(ready.project)), within=60)
    tasks = ready.airflow.run("flights_daily", run, within=600)
    assert (tasks["day"]["state"], tasks["day"]["try_number"]) == ("success", 2)
    assert [r["stage"] for r in ready.airflow.result("flights_daily", run, "day")] == ["land", "build", "score"]


def test_a_worker_lost_at_the_last_try_is_notified_with_the_command_that_runs_the_same_job(ready: Ground) -> None:
    (ready.project / "jobs" / "sleep.py").write_text("import time\n\ntime.sleep(600)\n")
    lost = ready.dags / "lost.py"
    lost.write_text(
        "from airflow.sdk import dag\nfrom headrace.orchestration import DAY, SparkJob, days_param, policy\n\n\n"
        "@dag(schedule=None, default_args=policy('x', retries=0), params={'days': days_param()})\n"
        "def lost():\n    SparkJob(file='jobs/sleep.py', args=['--days', DAY])\n\n\nlost()\n"
    )
    try:
        ready.airflow.unpause("lost")
        run = ready.airflow.trigger("lost", days="2013-02-18")
        os.kill(worker_of(job_of(ready, run)), signal.SIGKILL)
        assert ready.airflow.run("lost", run)["sleep"]["state"] == "failed"
        [mail] = eventually("the mail", lambda: ready.mails.about("lost sleep"), within=120)
        assert "its worker was lost" in mail
        assert "jobs/sleep.py --days 2013-02-18" in mail
        gone(ready, within=20)
    finally:
        lost.unlink()


def worker_of(job: list[int]) -> int:
    """The process of Airflow's executor: the parent of the task's process, the parent of the supervisor."""
    top = next(p for pid in job if (p := psutil.Process(pid)) and p.ppid() not in job)
    task = top.parent()
    assert task is not None
    return task.ppid()


def test_the_database_away_for_a_minute_costs_no_run(ready: Ground) -> None:
    run = ready.airflow.trigger("flights_daily", day="2013-02-20")
    job_of(ready, run)
    ready.airflow.postgres.stop()
    time.sleep(60)
    ready.airflow.postgres.start()
    eventually("the API is back", lambda: _up(ready), within=120)
    tasks = ready.airflow.run("flights_daily", run, within=600)
    assert tasks["day"]["state"] == "success"
    assert [r["stage"] for r in ready.airflow.result("flights_daily", run, "day")] == ["land", "build", "score"]


def _up(ground: Ground) -> bool:
    try:
        return ground.airflow.call("GET", "/api/v2/dags")[0] == 200
    except (OSError, ValueError):
        return False


def test_a_day_whose_look_back_has_a_hole_is_tried_again_and_recovers_once_it_is_filled(ready: Ground) -> None:
    run = ready.airflow.trigger("flights_daily", day="2013-02-22")  # the 21st is missing
    waits = lambda: ready.airflow.tasks("flights_daily", run)["day"]["state"] == "up_for_retry"  # noqa: E731
    eventually("it waits for another try", waits, within=180)
    assert any("MissingLookBackError" in line for line in ready.airflow.log("flights_daily", run, "day")[-5:])
    filled = ready.airflow.trigger("flights_rebuild", days="2013-02-18..2013-02-21")
    assert ready.airflow.run("flights_rebuild", filled)["score"]["state"] == "success"
    tasks = ready.airflow.run("flights_daily", run, within=600)
    assert tasks["day"]["state"] == "success"
    assert tasks["day"]["try_number"] > 1


def test_two_runs_of_one_day_follow_each_other_and_the_second_changes_nothing(ready: Ground) -> None:
    first, second = (ready.airflow.trigger("flights_daily", days="2013-02-23") for _ in range(2))
    ready.airflow.run("flights_daily", first)
    before = ready.versions()
    ready.airflow.run("flights_daily", second, within=600)
    spans = [ready.airflow.tasks("flights_daily", run)["day"] for run in (first, second)]
    assert [span["state"] for span in spans] == ["success", "success"]
    assert spans[0]["end_date"] <= spans[1]["start_date"] or spans[1]["end_date"] <= spans[0]["start_date"]
    assert ready.versions() == before


def test_ctrl_c_ends_make_airflow_and_all_that_it_started(tmp_path: Path) -> None:
    """Run the real ``make airflow`` beside the Airflow of the tests, until it prints its password."""
    port = str(free_port())
    environment = os.environ | {"AIRFLOW_HOME": str(tmp_path / "airflow")}
    process = subprocess.Popen(
        ["make", "airflow", f"PORT={port}"], cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        said = ""
        for line in process.stdout or ():
            said += line
            if "Ctrl-C ends" in line:
                break
        [password] = re.findall(r"user admin, password (\S+)", said)
        login = json.dumps({"username": "admin", "password": password}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/auth/token", login, JSON_HEADERS)
        assert urllib.request.urlopen(request, timeout=60).status == 201
        started = [p.pid for p in psutil.process_iter(["environ"]) if of_home(p, tmp_path / "airflow")]
        assert len(started) > 5
    finally:
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    process.wait(30)
    eventually("all is gone", lambda: not any(map(psutil.pid_exists, started)), within=20)


def of_home(process: psutil.Process, home: Path) -> bool:
    return (process.info["environ"] or {}).get("AIRFLOW_HOME") == str(home)
