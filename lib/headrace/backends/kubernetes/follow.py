"""Follow an application from its start to its end: what it waits for, its driver's lines, and why it ended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from headrace.backends.base import Log
from headrace.backends.kubernetes import diagnosis
from headrace.backends.kubernetes.api import Cluster
from headrace.backends.kubernetes.names import driver_of
from headrace.backends.kubernetes.objects import belongs, finished, running
from headrace.errors import RETRYABLE, ClusterError, ClusterRefusedError, Retry, retry_after
from headrace.outcome import NOISE, Outcome, reason_from_last_line

START_POLL_SECONDS = 0.5
POLL_SECONDS = 5.0
STUCK_SECONDS = 30  # the kubelet tries again meanwhile, and may find an image or a Secret that was missing
SETTLE_SECONDS = 20  # the time in which the rest of the log must arrive after the pod's end


async def follow(cluster: Cluster, name: str, uid: str, start_timeout: float, log: Log) -> Outcome:
    """Pass each line of the driver to ``log`` until the application has ended, or has failed to start.

    Nothing is deleted here. While the API server is unavailable this waits without limit, because the job continues.
    An application of the same name with another uid is ignored.

    Args:
        start_timeout: the seconds until the driver must run, counted from now.
    """
    last_line, refused, given_up = "", None, False

    def log_of_driver(line: str) -> None:
        nonlocal last_line, refused, given_up
        last_line = line
        if "is forbidden" in line:
            refused = diagnosis.refusal(line) or refused
        given_up = given_up or diagnosis.GIVEN_UP in line
        log(line)

    while True:
        try:
            outcome = await _follow(_Application(cluster, name, uid), start_timeout, log, log_of_driver)
        except ClusterError as unavailable:
            log(f"connection to the cluster lost; the driver's log starts again from its first line: {unavailable}")
            continue
        if given_up and outcome.code and retry_after(outcome.code) is not Retry.NEVER:  # else it names the cause
            return diagnosis.without_executors(refused)
        if outcome.code and not outcome.reason:
            return Outcome(outcome.code, reason_from_last_line(outcome.code, last_line))
        return outcome


@dataclass(frozen=True)
class _Application:
    """One application, and the driver's pod that it owns."""

    cluster: Cluster
    name: str
    uid: str

    async def objects(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """The application and its driver's pod, each None if it does not exist."""
        application = await self.cluster.application(self.name)
        exists = application is not None and application["metadata"]["uid"] == self.uid
        return application if exists else None, await self.driver()

    async def driver(self) -> dict[str, Any] | None:
        pod = await self.cluster.pod(driver_of(self.name))
        return pod if pod is not None and belongs(pod, self.uid) else None

    async def executors(self) -> list[dict[str, Any]]:
        return await self.cluster.pods(f"sparkoperator.k8s.io/app-name={self.name},spark-role=executor")


async def _follow(application: _Application, start_timeout: float, log: Log, log_of_driver: Log) -> Outcome:
    early = await _wait_for_start(application, start_timeout, log)
    if early is not None:
        return early
    lines = asyncio.create_task(_pass_lines(application, log, log_of_driver))
    try:
        outcome = await _wait_for_end(application, lines)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(lines, SETTLE_SECONDS)
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


async def _pass_lines(application: _Application, log: Log, log_of_driver: Log) -> None:
    """Pass on each line of the driver once, even if the connection breaks: lines have times, and times grow."""
    from aiohttp import ClientError
    from kubernetes_asyncio.client import ApiException

    newest, refusal = b"", ""
    while True:
        pause = START_POLL_SECONDS
        try:
            async for line in application.cluster.log(driver_of(application.name)):
                time, _, text = line.partition(b" ")
                if time > newest:
                    newest = time
                    shown = text.decode(errors="replace").rstrip()
                    if shown and not shown.startswith(NOISE):
                        log_of_driver(shown)
        except ClusterRefusedError as refused:
            pause = POLL_SECONDS
            if str(refused) != refusal:
                refusal = str(refused)
                log(f"the driver's log cannot be read: {refusal}")
        except (TimeoutError, ClientError, ApiException, OSError):
            pass
        if finished(await application.driver()):
            return
        await asyncio.sleep(pause)
