"""Tasks of a real Airflow whose jobs run on a real cluster: their logs, and that nothing is left of them."""

from __future__ import annotations

import pytest

from tests.support.airflow_api import Airflow
from tests.support.ground import Ground
from tests.support.waiting import eventually

pytestmark = [pytest.mark.k8s, pytest.mark.timeout(900), pytest.mark.usefixtures("nothing_is_left")]


def started(airflow: Airflow, words: str) -> str:
    return airflow.trigger("probe", words=words)


def test_the_drivers_lines_are_the_log_of_the_task(ground: Ground, airflow: Airflow) -> None:
    run = started(airflow, "say one say two")
    task = airflow.run("probe", run)["probe"]
    lines = airflow.log("probe", run, "probe")
    assert task["state"] == "success", lines[-20:]
    assert [line for line in lines if line in ("one", "two")] == ["one", "two"]
    assert ground.left() == []


def test_the_last_line_of_a_failed_task_is_the_jobs_own_reason(ground: Ground, airflow: Airflow) -> None:
    run = started(airflow, "permanent 'no luck'")
    task = airflow.run("probe", run)["probe"]
    assert (task["state"], task["try_number"]) == ("failed", 1)  # trying again could not help
    assert "PermanentError: no luck. Mend it" in airflow.last_line("probe", run, "probe")
    assert ground.left() == []


def test_a_task_marked_failed_leaves_nothing_after_twenty_seconds(ground: Ground, airflow: Airflow) -> None:
    run = started(airflow, "say here sleep 600")
    eventually("the job says something", lambda: "here" in airflow.lines("probe", run, "probe"), within=120)
    path = f"/api/v2/dags/probe/dagRuns/{run}/taskInstances/probe"
    assert airflow.call("PATCH", path, {"new_state": "failed"})[0] == 200
    eventually("nothing is left", lambda: not ground.left(), within=20, every=0.2)


def test_names_may_be_long_have_dots_and_begin_with_digits(ground: Ground, airflow: Airflow) -> None:
    [odd] = [dag["dag_id"] for dag in airflow.get("/dags?tags=odd")["dags"]]
    airflow.unpause(odd)
    run = airflow.trigger(odd, words="say hello")
    [task] = airflow.run(odd, run).values()
    assert (len(odd), len(task["task_id"])) == (200, 200)
    assert task["state"] == "success", airflow.log(odd, run, task["task_id"])[-20:]
    assert "hello" in airflow.log(odd, run, task["task_id"])
    assert ground.left() == []
