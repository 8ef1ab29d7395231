"""What the fault tests kill, delete and take away."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import live
import psutil
from cluster import NAMESPACE, Ground
from live import eventually

DRIVERS, EXECUTORS = "spark-role=driver", "spark-role=executor"


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Something that goes on beside the block; what fails in it fails the block."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if failed:
        raise failed[0]


@contextmanager
def watching(ground: Ground) -> Iterator[list[int]]:
    """How many drivers were alive at once, looked at five times a second."""
    seen, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            pods = ground.objects("pods", DRIVERS)
            seen.append(len([p for p in pods if p["status"]["phase"] in ("Pending", "Running")]))

    with meanwhile(watch):
        try:
            yield seen
        finally:
            done.set()


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


def applications(ground: Ground, task: str) -> list[live.Json]:
    return ground.objects("sparkapplications", f"headrace.io/task={task}")


def running(ground: Ground, role: str) -> list[str]:
    """The names of the pods of a role whose container runs."""
    return [p["metadata"]["name"] for p in ground.objects("pods", role) if p["status"]["phase"] == "Running"]


def delete_pod(ground: Ground, name: str) -> None:
    """As a person or the cluster does it, without waiting."""
    ground.kubectl("-n", NAMESPACE, "delete", "pod", name, "--wait=false")


def delete_an_executor(ground: Ground, after: float) -> None:
    """The first executor that runs, some seconds later."""
    executor = eventually("an executor runs", lambda: running(ground, EXECUTORS), within=180)[0]
    time.sleep(after)
    delete_pod(ground, executor)


def _state(application: live.Json) -> str:
    return str(application.get("status", {}).get("applicationState", {}).get("state", ""))


# What is true of the one application of a task at the moment of a worker's death.
MOMENTS: dict[str, Callable[[Ground, str], bool]] = {
    "before its driver is there": lambda g, task: bool(applications(g, task)) and not g.names("pods", DRIVERS),
    "after it ended": lambda g, task: [_state(a) for a in applications(g, task)] == ["COMPLETED"],
    "while it is deleted": lambda g, task: any("deletionTimestamp" in a["metadata"] for a in applications(g, task)),
}
