"""What happens to applications when things are killed, deleted, missing or full."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import live
import psutil
import pytest
from cluster import NAMESPACE, Ground
from headrace.ended import Ended
from live import eventually

pytestmark = [pytest.mark.k8s, pytest.mark.fault, pytest.mark.timeout(900)]
PROBE = "jobs/probe.py"


@pytest.fixture(autouse=True)
def nothing_is_left(ground: Ground) -> Iterator[None]:
    yield
    eventually("nothing is left", lambda: not ground.left(), within=30)


@contextmanager
def watching(ground: Ground) -> Iterator[list[int]]:
    """How many drivers were alive at once, looked at five times a second."""
    seen, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            pods = ground.objects("pods", "spark-role=driver")
            alive = [p for p in pods if p["status"]["phase"] in ("Pending", "Running")]
            seen.append(len(alive))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def kill_workers(airflow: live.Airflow) -> bool:
    """SIGKILL to each process of Airflow's executor that has a task, and so to the task."""
    killed = False
    for process in psutil.process_iter():
        try:
            title = " ".join(process.cmdline())
            ours = process.environ().get("AIRFLOW_HOME") == str(airflow.home)
        except psutil.Error:
            continue
        if ours and title.startswith("airflow worker -- LocalExecutor: ") and "<idle>" not in title:
            os.kill(process.pid, signal.SIGKILL)
            killed = True
    return killed


def kill_triggerer(airflow: live.Airflow) -> bool:
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            if line[-1:] == ["triggerer"] and process.environ().get("AIRFLOW_HOME") == str(airflow.home):
                for each in (*process.children(recursive=True), process):
                    each.kill()
                return True
        except psutil.Error:
            continue
    return False


def made(ground: Ground) -> list[live.Json]:
    return ground.objects("sparkapplications", "headrace.io/task=probe")


def state(application: live.Json) -> str:
    return str(application.get("status", {}).get("applicationState", {}).get("state", ""))


# What is true of the one application at the moment of the kill.
MOMENTS: dict[str, Callable[[Ground], bool]] = {
    "before its driver is there": lambda g: bool(made(g)) and not g.names("pods", "spark-role=driver"),
    "after it ended": lambda g: [state(a) for a in made(g)] == ["COMPLETED"],
    "while it is deleted": lambda g: any("deletionTimestamp" in a["metadata"] for a in made(g)),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_worker_killed_leaves_one_application_at_most_and_the_next_try_its_result(
    ground: Ground, airflow: live.Airflow, moment: str
) -> None:
    with watching(ground) as drivers:
        run = airflow.trigger("probe", words="say one sleep 3")
        eventually(f"the moment {moment}", lambda: MOMENTS[moment](ground), within=120, every=0.05)
        eventually("a worker to kill", lambda: kill_workers(airflow), within=20, every=0.02)
        task = airflow.run("probe", run, within=300)["probe"]
    assert task["state"] == "success"
    assert max(drivers) == 1


def test_a_triggerer_killed_while_the_job_runs_costs_nothing(ground: Ground, airflow: live.Airflow) -> None:
    with watching(ground) as drivers:
        run = airflow.trigger("probe", words="say here sleep 30 say there")
        eventually("the job speaks", lambda: "here" in airflow.lines("probe", run, "probe"), within=120)
        [first] = made(ground)
        assert kill_triggerer(airflow)
        task = airflow.run("probe", run, within=300)["probe"]
    assert (task["state"], task["try_number"]) == ("success", 1)
    assert "there" in airflow.lines("probe", run, "probe")
    assert max(drivers) == 1
    assert first["metadata"]["uid"]


def test_a_driver_that_somebody_deletes_is_told_of_and_the_job_done_again(
    ground: Ground, airflow: live.Airflow
) -> None:
    run = airflow.trigger("probe", words="say here sleep 20")
    eventually("the job speaks", lambda: "here" in airflow.lines("probe", run, "probe"), within=120)
    [driver] = ground.names("pods", "spark-role=driver,headrace.io/task=probe")
    ground.kubectl("-n", NAMESPACE, "delete", "pod", driver, "--wait=false")
    task = airflow.run("probe", run, within=300)["probe"]
    assert (task["state"], task["try_number"]) == ("success", 2)
    assert any("driver's pod is gone" in line for line in airflow.log("probe", run, "probe", 1))


def test_the_sweeper_deletes_what_no_task_owns_and_leaves_the_rest(ground: Ground, airflow: live.Airflow) -> None:
    run = airflow.trigger("probe", words="say here sleep 40")
    eventually("the job speaks", lambda: "here" in airflow.lines("probe", run, "probe"), within=120)
    [ours] = made(ground)
    orphan = ground.manifest("orphan", PROBE, "sleep 600")
    ground.kubectl("apply", "-f", "-", text=json.dumps(orphan))
    swept = airflow.trigger("cluster_sweep")
    airflow.run("cluster_sweep", swept)
    assert airflow.result("cluster_sweep", swept, "sweep") == [orphan["metadata"]["name"]]
    assert [each["metadata"]["uid"] for each in made(ground)] == [ours["metadata"]["uid"]]
    assert airflow.run("probe", run)["probe"]["state"] == "success"


def test_an_executor_that_is_deleted_is_replaced(ground: Ground) -> None:
    name = ground.manifest("lost executor", PROBE, "slow")

    def running() -> list[str]:
        pods = ground.objects("pods", "spark-role=executor")
        return [p["metadata"]["name"] for p in pods if p["status"]["phase"] == "Running"]

    def delete() -> None:
        [executor] = eventually("an executor runs", running, within=120)
        time.sleep(5)
        ground.kubectl("-n", NAMESPACE, "delete", "pod", executor, "--wait=false")

    thread = threading.Thread(target=delete)
    thread.start()
    ended, lines = ground.run(name)
    thread.join()
    assert ended == Ended(0)
    assert "the sum is 780" in lines


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("hold 4000", "`driver.overhead`"),
        ("heap-of-driver", "`driver.memory`"),
        ("python-of-executor", "`executor.overhead`"),
        ("heap-of-executor", "`executor.memory`"),
    ],
)
def test_out_of_memory_says_which_container_and_which_bound_to_raise(ground: Ground, words: str, remedy: str) -> None:
    ended, _ = ground.run(ground.manifest(words, PROBE, words))
    assert ended.code == 65
    assert remedy in ended.reason


def test_an_operator_away_for_a_minute_costs_no_job(ground: Ground) -> None:
    scale = ["-n", "spark-operator", "scale", "deployment/spark-operator-controller"]

    def away() -> None:
        eventually("the driver runs", lambda: ground.names("pods", "spark-role=driver"), within=120)
        ground.kubectl(*scale, "--replicas=0")
        time.sleep(60)
        ground.kubectl(*scale, "--replicas=1")

    thread = threading.Thread(target=away)
    thread.start()
    ended, lines = ground.run(ground.manifest("operator away", PROBE, "say one sleep 30 say two"))
    thread.join()
    assert ended == Ended(0)
    assert [line for line in lines if line in ("one", "two")] == ["one", "two"]
