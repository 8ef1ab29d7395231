"""Applications whose pods are deleted or run out of memory, and whose operator is away."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import ExitStack

import pytest
from headrace.outcome import Outcome

from tests.support import JOBS_PYTHON, breaking
from tests.support.airflow_api import Airflow
from tests.support.breaking import DRIVERS, meanwhile
from tests.support.ground import Ground
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.k8s, pytest.mark.fault, pytest.mark.timeout(900), pytest.mark.usefixtures("nothing_is_left"),
]  # fmt: skip
PROBE, KIND = "jobs/probe.py", "sparkapplications"


def test_a_deleted_driver_is_named_as_the_reason_and_the_job_is_run_again(ground: Ground, airflow: Airflow) -> None:
    run = airflow.trigger("probe", words="say here sleep 20")
    eventually("the job speaks", lambda: "here" in airflow.lines("probe", run, "probe"), within=120)
    [driver] = ground.names("pods", DRIVERS)
    breaking.delete_pod(ground, driver)
    task = airflow.run("probe", run, within=300)["probe"]
    assert (task["state"], task["try_number"]) == ("success", 2)
    assert any("driver's pod is gone" in line for line in airflow.log("probe", run, "probe", 1))


def test_a_triggerer_that_wakes_up_after_another_took_over_leaves_the_job(ground: Ground, airflow: Airflow) -> None:
    run = airflow.trigger("probe", words="say here sleep 150 say there")
    eventually("the job speaks", lambda: "here" in airflow.lines("probe", run, "probe"), within=120)
    first = airflow.triggerer_of("probe", run, "probe")
    with ExitStack() as until_the_end:
        with breaking.asleep(airflow, "triggerer"):
            until_the_end.enter_context(breaking.second_triggerer(airflow))
            taken = lambda: airflow.triggerer_of("probe", run, "probe") not in (None, first)  # noqa: E731
            eventually("the second triggerer follows it", taken, within=120)
        time.sleep(10)  # the first one wakes up, and Airflow cancels its trigger as if a person had marked the task
        task = airflow.run("probe", run, within=300)["probe"]
    assert (task["state"], task["try_number"]) == ("success", 1)
    lines = airflow.log("probe", run, "probe")
    assert "there" in lines
    assert any("another triggerer follows the application" in line for line in lines)


def test_the_sweeper_deletes_what_no_task_owns_and_leaves_the_rest(ground: Ground, airflow: Airflow) -> None:
    run = airflow.trigger("probe", words="say here sleep 40")
    eventually("the job speaks", lambda: "here" in airflow.lines("probe", run, "probe"), within=120)
    [ours] = breaking.applications(ground, "probe")
    orphan = ground.manifest("orphan", PROBE, "sleep 600")
    ground.kubectl("apply", "-f", "-", text=json.dumps(orphan))
    swept = airflow.trigger("cluster_sweep")
    airflow.run("cluster_sweep", swept)
    assert airflow.result("cluster_sweep", swept, "sweep") == [orphan["metadata"]["name"]]
    assert [found["metadata"]["uid"] for found in breaking.applications(ground, "probe")] == [ours["metadata"]["uid"]]
    assert airflow.run("probe", run)["probe"]["state"] == "success"


def test_a_job_by_hand_is_done_again_where_its_application_has_ended(ground: Ground) -> None:
    def submit(*options: str) -> subprocess.CompletedProcess[str]:
        words = "say hello permanent 'no rates'"
        line = [str(JOBS_PYTHON.with_name("headrace")), "submit", PROBE, *options, "--", words]
        return subprocess.run(line, cwd=ground.project, capture_output=True, text=True, check=False)

    ground.kubectl("apply", "-f", "-", text=submit("--print").stdout)
    eventually(
        "it has ended", lambda: [breaking.state(found) for found in ground.objects(KIND)] == ["FAILED"], within=120
    )
    again = submit()
    assert again.returncode == 65
    assert " is running already;" not in again.stdout
    assert "hello" in again.stdout.splitlines()
    assert again.stderr.splitlines()[-1] == "PermanentError: no rates. Mend it"


def test_an_executor_that_is_deleted_is_replaced(ground: Ground) -> None:
    with meanwhile(lambda: breaking.delete_an_executor(ground, after=5)):
        ended, lines = ground.run(ground.manifest("lost executor", PROBE, "slow"))
    assert ended == Outcome(0)
    assert "the sum is 780" in lines


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("hold 4000", "driver.overhead"),
        ("heap-of-driver", "driver.memory"),
        ("python-of-executor", "executor.overhead"),
        ("heap-of-executor", "executor.memory"),
    ],
)
def test_out_of_memory_says_which_container_and_which_bound_to_raise(ground: Ground, words: str, remedy: str) -> None:
    ended, _ = ground.run(ground.manifest(words, PROBE, words))
    assert ended.code == 71
    assert remedy in ended.reason


def test_an_operator_away_for_a_minute_costs_no_job(ground: Ground) -> None:
    scale = ["-n", "spark-operator", "scale", "deployment/spark-operator-controller"]

    def away() -> None:
        eventually("the driver runs", lambda: ground.names("pods", DRIVERS), within=120)
        ground.kubectl(*scale, "--replicas=0")
        time.sleep(60)
        ground.kubectl(*scale, "--replicas=1")

    with meanwhile(away):
        ended, lines = ground.run(ground.manifest("operator away", PROBE, "say one sleep 30 say two"))
    assert ended == Outcome(0)
    assert [line for line in lines if line in ("one", "two")] == ["one", "two"]
