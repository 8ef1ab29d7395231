"""What the fault tests kill, delete and take away."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

import live
import psutil
from ground import NAMESPACE, Ground
from headrace.cluster.api import Cluster
from live import eventually

BUSY = re.compile(r"airflow worker -- LocalExecutor: (?!<idle>)")
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
    """How many drivers were alive at once, looked at three times a second."""
    seen, done = [0], threading.Event()

    async def watch(cluster: Cluster) -> None:
        while not done.is_set():
            pods = await cluster.pods(DRIVERS)
            seen.append(len([p for p in pods if p["status"]["phase"] in ("Pending", "Running")]))
            await asyncio.sleep(0.3)

    with meanwhile(lambda: ground.asked(watch)):
        try:
            yield seen
        finally:
            done.set()


def kill_a_worker(ground: Ground, airflow: live.Airflow, run: str, moment: str) -> None:
    """SIGKILL to the process of Airflow's executor that has the task of a day, and so to the task, at the moment.

    Not before Airflow knows that the task runs: what a worker of the LocalExecutor takes along before is lost until the
    scheduler starts anew, as that executor cannot revoke a task.
    """
    schedulers = [process.pid for process in _processes(airflow, "scheduler")]

    async def work(cluster: Cluster) -> None:
        until = time.monotonic() + MOMENT_SECONDS
        while True:
            now = await cluster.applications("headrace.io/task=day"), await cluster.pods(DRIVERS)
            busy = _busy_workers(schedulers)
            if busy and MOMENTS[moment](*now) and airflow.tasks("flights_daily", run)["day"]["state"] == "running":
                break
            assert time.monotonic() < until, f"the moment {moment} did not come"
            await asyncio.sleep(0.03)
        for pid in busy:
            os.kill(pid, signal.SIGKILL)

    ground.asked(work)


def _busy_workers(schedulers: list[int]) -> list[int]:
    """Read in a millisecond: a worker is done with a task soon after it made the application."""
    children = [Path(f"/proc/{pid}/task/{pid}/children").read_text().split() for pid in schedulers]
    return [int(pid) for pid in chain.from_iterable(children) if BUSY.match(_title(pid))]


def _title(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:  # it ended meanwhile
        return ""


def _processes(airflow: live.Airflow, service: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cmdline()[-1:] == [service] and process.environ().get("AIRFLOW_HOME") == str(airflow.home):
                found.append(process)
    return found


def kill_triggerer(airflow: live.Airflow) -> None:
    [triggerer, *_] = _processes(airflow, "triggerer")
    for each in (*triggerer.children(recursive=True), triggerer):
        each.kill()


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


def state(application: live.Json) -> str:
    return str(application.get("status", {}).get("applicationState", {}).get("state", ""))


# What is true at the moment of a worker's death of the one application, and its driver's pod.
MOMENTS: dict[str, Callable[[list[live.Json], list[live.Json]], bool]] = {
    "before its driver is there": lambda applications, drivers: bool(applications) and not drivers,
    "after it ended": lambda applications, _: [state(a) for a in applications] == ["COMPLETED"],
    "while it is deleted": lambda applications, _: any("deletionTimestamp" in a["metadata"] for a in applications),
}
MOMENT_SECONDS = 600
