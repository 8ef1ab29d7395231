"""Follow an application from its start to its end: what it waits for, its driver's lines, and why it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from math import inf
from typing import Any

from headrace.backends.base import Log
from headrace.backends.kubernetes import diagnosis
from headrace.backends.kubernetes.api import Cluster
from headrace.backends.kubernetes.lines import DriverLog
from headrace.backends.kubernetes.names import driver_of
from headrace.backends.kubernetes.objects import belongs, finished, running, suspended
from headrace.config.settings import Kubernetes
from headrace.errors import RETRYABLE, ClusterError, ClusterRefusedError, Retry, retry_after
from headrace.outcome import Outcome, reason_from_last_line

START_POLL_SECONDS = 0.5
POLL_SECONDS = 5.0
STUCK_SECONDS = 30  # the kubelet tries again meanwhile, and may find an image or a Secret that was missing
REFUSED_SECONDS = 1800  # how long the API server may refuse to show an application that it has shown
UNSEEN_SECONDS = 120  # the same for an application that it has not shown yet
SETTLE_SECONDS = 20  # after the driver's end, its log counts as complete after so many seconds without a line


@dataclass(frozen=True)
class Patience:
    """How many seconds an application is waited for.

    Attributes:
        queue: for a quota, a queue, a node with room, or until it is resumed; counted from its first look.
        start: after that, until the driver runs.
    """

    queue: float
    start: float

    @classmethod
    def of(cls, settings: Kubernetes) -> Patience:
        return cls(settings.queue_timeout_seconds, settings.start_timeout_seconds)


async def follow(
    connect: Callable[[], AbstractAsyncContextManager[Cluster]], name: str, uid: str, patience: Patience, log: Log
) -> Outcome:
    """Pass each line of the driver to ``log`` until the application has ended, or has failed to start.

    Nothing is deleted here. While the API server or the login is unavailable this waits without limit, because the job
    continues. The API server may refuse to show the application for half an hour: after a restart it first loads
    accounts and permissions. An application of the same name with another uid is ignored.

    Args:
        connect: opens a connection, also a new one after the old one has failed.

    Raises:
        ClusterRefusedError: the API server keeps refusing to show the application.
    """
    clock = asyncio.get_running_loop().time
    last_line, refused, given_up = "", None, False
    seen, refused_since, told, told_at = -inf, inf, "", -inf

    def log_of_driver(line: str) -> None:
        nonlocal last_line, refused, given_up
        last_line = line
        if "is forbidden" in line:
            refused = diagnosis.refusal(line) or refused
        given_up = given_up or diagnosis.GIVEN_UP in line
        log(line)

    def saw() -> None:
        nonlocal seen, refused_since
        seen, refused_since = clock(), inf

    while True:
        try:
            async with connect() as cluster:
                application = _Application(cluster, name, uid, saw)
                outcome = await _follow(application, patience, log, log_of_driver)
            break
        except (ClusterError, ClusterRefusedError) as failure:
            refused_since = min(refused_since, clock()) if isinstance(failure, ClusterRefusedError) else inf
            if clock() - refused_since > (REFUSED_SECONDS if seen > -inf else UNSEEN_SECONDS):
                raise
            if str(failure) != told or seen > told_at:
                told, told_at = str(failure), clock()
                log(f"connection to the cluster lost; the driver's log will start again from its first line: {told}")
            await asyncio.sleep(POLL_SECONDS)
    if given_up and outcome.code and retry_after(outcome.code) is not Retry.NEVER:  # else it names the cause
        return diagnosis.without_executors(refused)
    if outcome.code and not outcome.reason:
        return Outcome(outcome.code, reason_from_last_line(outcome.code, last_line))
    return outcome


@dataclass(frozen=True)
class _Application:
    """One application, and the driver's pod that it owns. ``saw`` is called when the API server has shown them."""

    cluster: Cluster
    name: str
    uid: str
    saw: Callable[[], None]

    async def objects(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """The application and its driver's pod, each None if it does not exist."""
        application = await self.cluster.application(self.name)
        exists = application is not None and application["metadata"]["uid"] == self.uid
        driver = await self.driver()
        self.saw()
        return application if exists else None, driver

    async def driver(self) -> dict[str, Any] | None:
        pod = await self.cluster.pod(driver_of(self.name))
        return pod if pod is not None and belongs(pod, self.uid) else None

    async def executors(self) -> list[dict[str, Any]]:
        return await _if_permitted(self.cluster.pods(f"sparkoperator.k8s.io/app-name={self.name},spark-role=executor"))

    async def events(self, name: str) -> list[dict[str, Any]]:
        return await _if_permitted(self.cluster.events(name))


async def _if_permitted(objects: Awaitable[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Objects that only make a reason more precise."""
    try:
        return await objects
    except ClusterRefusedError:
        return []


async def _follow(application: _Application, patience: Patience, log: Log, log_of_driver: Log) -> Outcome:
    while True:
        early = await _wait_for_start(application, patience, log)
        outcome = early or await _pass_on(application, log, log_of_driver)
        if outcome is not None:  # else it was suspended, and starts again
            return outcome


async def _pass_on(application: _Application, log: Log, log_of_driver: Log) -> Outcome | None:
    """Pass on the lines of a driver that runs, until the application has ended; None if it was suspended before."""
    driver = DriverLog(application.cluster, driver_of(application.name), application.driver, log_of_driver, log)
    lines = asyncio.create_task(driver.pass_on())
    try:
        outcome = await _wait_for_end(application, lines)
        if finished(await application.driver()):
            await driver.settled(lines, SETTLE_SECONDS)
        else:  # it ended without its driver, whose log may go on
            await asyncio.wait([lines], timeout=SETTLE_SECONDS)
    finally:
        lines.cancel()
    return outcome


async def _wait_for_start(application: _Application, patience: Patience, log: Log) -> Outcome | None:
    """Wait until the driver runs; returns the outcome if the application ended before."""
    clock = asyncio.get_running_loop().time
    queued_since = stuck_since = inf
    admitted, logged = clock(), ""
    while True:
        found, pod = await application.objects()
        queue = diagnosis.queued(pod, found or {})
        if running(pod) and not queue:
            return None
        if (outcome := diagnosis.ended(pod, (), found)) is not None:
            return outcome
        if queue:
            queued_since, admitted = min(queued_since, clock()), clock()
        if clock() - queued_since > patience.queue and queue:
            return Outcome(RETRYABLE, f"it waited for {patience.queue:g} s: {queue}")
        reason = diagnosis.stuck(pod) if pod else ""
        stuck_since = min(stuck_since, clock()) if reason else inf
        if clock() - stuck_since > min(STUCK_SECONDS, patience.start):
            return Outcome(RETRYABLE, reason)
        if clock() - admitted > patience.start:
            events = await application.events(driver_of(application.name) if pod else application.name)
            reason = diagnosis.waits_for(pod, found or {}, events)
            return Outcome(RETRYABLE, f"it did not start within {patience.start:g} s: {reason}")
        waits_for = diagnosis.waits_for(pod, found or {})
        if waits_for != logged:
            log(f"waiting: {waits_for}")
            logged = waits_for
        await asyncio.sleep(START_POLL_SECONDS)


async def _wait_for_end(application: _Application, lines: asyncio.Task[None]) -> Outcome | None:
    """Wait until the application has ended, or is suspended. The pod's status shows the end also without an operator.

    Raises:
        ClusterError, ClusterRefusedError: the cluster could not be asked, here or for the driver's lines.
    """
    while True:
        found, pod = await application.objects()
        executors = await application.executors() if pod is not None and finished(pod) else []
        if (outcome := diagnosis.ended(pod, executors, found)) is not None:
            return outcome
        if suspended(found):
            return None
        if lines.done():
            lines.result()  # an error of the cluster ends this connection
            await asyncio.sleep(START_POLL_SECONDS)
        else:
            await asyncio.wait([lines], timeout=POLL_SECONDS)
