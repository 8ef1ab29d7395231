"""What the fault tests kill and delete."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

import psutil
from headrace.backends.kubernetes.api import Cluster

from tests.support.airflow_api import Airflow, Json
from tests.support.ground import NAMESPACE, Ground
from tests.support.ports import free_port
from tests.support.waiting import eventually

BUSY = re.compile(r"airflow worker -- LocalExecutor: (?!<idle>)")
DRIVERS, EXECUTORS = "spark-role=driver", "spark-role=executor"


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Run ``work`` in a thread beside the block, and raise what it raised when the block ends."""
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
    """Count the drivers that are alive three times a second; the list grows while the block runs."""
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


def kill_a_worker(ground: Ground, airflow: Airflow, run: str, moment: str) -> None:
    """Send SIGKILL to the worker of Airflow's executor that runs a day's task, at a moment of ``MOMENTS``.

    It waits until Airflow knows that the task runs. The LocalExecutor cannot revoke a task: a task whose worker dies
    earlier is lost until the scheduler restarts.
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
    """The workers that run a task. Reading /proc takes a millisecond; a worker may end its task soon after."""
    children = [Path(f"/proc/{pid}/task/{pid}/children").read_text().split() for pid in schedulers]
    return [int(pid) for pid in chain.from_iterable(children) if BUSY.match(_title(pid))]


def _title(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:  # the process has ended
        return ""


def _processes(airflow: Airflow, service: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cmdline()[-1:] == [service] and process.environ().get("AIRFLOW_HOME") == str(airflow.home):
                found.append(process)
    return found


def kill_triggerer(airflow: Airflow) -> None:
    [triggerer, *_] = _processes(airflow, "triggerer")
    for process in (*triggerer.children(recursive=True), triggerer):
        process.kill()


@contextmanager
def asleep(airflow: Airflow, service: str) -> Iterator[None]:
    """Stop the processes of a service without ending them, so that it loses its heartbeat; afterwards they go on."""
    found = _processes(airflow, service)
    processes = {*found, *(child for process in found for child in process.children(recursive=True))}
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


@contextmanager
def second_triggerer(airflow: Airflow) -> Iterator[None]:
    """Run another triggerer until the block ends."""
    environment = airflow.environment | {"AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port())}
    with (airflow.home / "second-triggerer.log").open("wb") as log:
        line = [str(Path(sys.executable).with_name("airflow")), "triggerer"]
        second = subprocess.Popen(line, env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        second.terminate()
        second.wait(60)


def applications(ground: Ground, task: str) -> list[Json]:
    return ground.objects("sparkapplications", f"headrace.io/task={task}")


def running(ground: Ground, role: str) -> list[str]:
    """The names of a role's running pods."""
    return [p["metadata"]["name"] for p in ground.objects("pods", role) if p["status"]["phase"] == "Running"]


def delete_pod(ground: Ground, name: str) -> None:
    """Delete a pod, as a person or the cluster would, and do not wait."""
    ground.kubectl("-n", NAMESPACE, "delete", "pod", name, "--wait=false")


def delete_an_executor(ground: Ground, after: float) -> None:
    """Delete the first running executor, ``after`` seconds after it runs."""
    executor = eventually("an executor runs", lambda: running(ground, EXECUTORS), within=180)[0]
    time.sleep(after)
    delete_pod(ground, executor)


def state(application: Json) -> str:
    return str(application.get("status", {}).get("applicationState", {}).get("state", ""))


# Moments at which a worker is killed: a predicate on the task's applications and on the pods of drivers.
MOMENTS: dict[str, Callable[[list[Json], list[Json]], bool]] = {
    "before its driver is there": lambda applications, drivers: bool(applications) and not drivers,
    "after it ended": lambda applications, _: [state(a) for a in applications] == ["COMPLETED"],
    "while it is deleted": lambda applications, _: any("deletionTimestamp" in a["metadata"] for a in applications),
}
MOMENT_SECONDS = 600
