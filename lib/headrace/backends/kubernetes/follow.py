"""Follow an application from its start to its end: what it waits for, its driver's lines, and why it ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import inf
from typing import Any

from headrace.backends.base import Log
from headrace.backends.kubernetes import diagnosis
from headrace.backends.kubernetes.api import Cluster
from headrace.backends.kubernetes.lines import DriverLog
from headrace.backends.kubernetes.names import driver_of
from headrace.backends.kubernetes.objects import belongs, finished, running
from headrace.errors import RETRYABLE, ClusterError, NotPermittedError, Retry, retry_after
from headrace.outcome import Outcome, reason_from_last_line

START_POLL_SECONDS = 0.5
POLL_SECONDS = 5.0
STUCK_SECONDS = 30  # the kubelet tries again meanwhile, and may find an image or a Secret that was missing
REFUSED_SECONDS = 1800  # how long the API server may refuse to show an application that it has shown
SETTLE_SECONDS = 20  # after the driver's end, the rest of its log has come once no line comes for so long


async def follow(cluster: Cluster, name: str, uid: str, start_timeout: float, log: Log) -> Outcome:
    """Pass each line of the driver to ``log`` until the application has ended, or has failed to start.

    Nothing is deleted here. While the API server is unavailable this waits without limit, because the job continues.
    Once it has shown the application, it may refuse to do so for half an hour: after a restart it first loads accounts
    and permissions. An application of the same name with another uid is ignored.

    Args:
        start_timeout: the seconds until the driver must run, counted from now.

    Raises:
        NotPermittedError: the API server has never shown the application, or has refused to for half an hour.
    """
    last_line, refused, given_up = "", None, False
    application = _Application(cluster, name, uid)

    def log_of_driver(line: str) -> None:
        nonlocal last_line, refused, given_up
        last_line = line
        if "is forbidden" in line:
            refused = diagnosis.refusal(line) or refused
        given_up = given_up or diagnosis.GIVEN_UP in line
        log(line)

    while True:
        try:
            outcome = await _follow(application, start_timeout, log, log_of_driver)
        except ClusterError as unavailable:
            log(f"connection to the cluster lost; the driver's log starts again from its first line: {unavailable}")
            continue
        except NotPermittedError as refusal:
            if application.seconds_since_seen() > REFUSED_SECONDS:
                raise
            log(f"the driver's log starts again from its first line, once the cluster allows it: {refusal}")
            await asyncio.sleep(POLL_SECONDS)
            continue
        if given_up and outcome.code and retry_after(outcome.code) is not Retry.NEVER:  # else it names the cause
            return diagnosis.without_executors(refused)
        if outcome.code and not outcome.reason:
            return Outcome(outcome.code, reason_from_last_line(outcome.code, last_line))
        return outcome


@dataclass
class _Application:
    """One application, and the driver's pod that it owns."""

    cluster: Cluster
    name: str
    uid: str
    seen: float = -inf  # when the API server last answered, by the clock of the event loop

    def seconds_since_seen(self) -> float:
        return asyncio.get_running_loop().time() - self.seen

    async def objects(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """The application and its driver's pod, each None if it does not exist."""
        application = await self.cluster.application(self.name)
        exists = application is not None and application["metadata"]["uid"] == self.uid
        driver = await self.driver()
        self.seen = asyncio.get_running_loop().time()
        return application if exists else None, driver

    async def driver(self) -> dict[str, Any] | None:
        pod = await self.cluster.pod(driver_of(self.name))
        return pod if pod is not None and belongs(pod, self.uid) else None

    async def has_ended(self) -> bool:
        """Whether the driver has ended, or is gone."""
        return finished(await self.driver())

    async def executors(self) -> list[dict[str, Any]]:
        return await self.cluster.pods(f"sparkoperator.k8s.io/app-name={self.name},spark-role=executor")


async def _follow(application: _Application, start_timeout: float, log: Log, log_of_driver: Log) -> Outcome:
    early = await _wait_for_start(application, start_timeout, log)
    if early is not None and not await application.has_ended():
        return early
    driver = DriverLog(application.cluster, driver_of(application.name), application.has_ended, log_of_driver, log)
    lines = asyncio.create_task(driver.pass_on())
    try:
        outcome = early or await _wait_for_end(application, lines)
        await driver.settled(lines, SETTLE_SECONDS)
    finally:
        lines.cancel()
    return outcome


async def _wait_for_start(application: _Application, timeout: float, log: Log) -> Outcome | None:
    """Wait until the driver runs; returns the outcome if the application ended before."""
    clock = asyncio.get_running_loop().time
    deadline, stuck_since, logged = clock() + timeout, 0.0, ""
    while True:
        found, pod = await application.objects()
        if running(pod):
            return None
        if (outcome := diagnosis.ended(pod, (), found)) is not None:
            return outcome
        reason = diagnosis.stuck(pod) if pod else ""
        stuck_since = (stuck_since or clock()) if reason else 0.0
        if reason and clock() - stuck_since > min(STUCK_SECONDS, timeout):
            return Outcome(RETRYABLE, reason)
        if clock() > deadline:
            events = await application.cluster.events(driver_of(application.name) if pod else application.name)
            reason = diagnosis.waits_for(pod, found or {}, events)
            return Outcome(RETRYABLE, f"it did not start within {timeout:g} s: {reason}")
        waits_for = diagnosis.waits_for(pod, found or {})
        if waits_for != logged:
            log(f"waiting: {waits_for}")
            logged = waits_for
        await asyncio.sleep(START_POLL_SECONDS)


async def _wait_for_end(application: _Application, lines: asyncio.Task[None]) -> Outcome:
    """Wait until the application has ended. The pod's own status shows the end even while the operator is down."""
    while True:
        found, pod = await application.objects()
        executors = await application.executors() if pod is not None and finished(pod) else []
        if (outcome := diagnosis.ended(pod, executors, found)) is not None:
            return outcome
        pause = POLL_SECONDS if not lines.done() else START_POLL_SECONDS
        await asyncio.wait([lines], timeout=pause) if not lines.done() else await asyncio.sleep(pause)
