"""Follow an application from its start to its end: what it waits for, its driver's lines, and why it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from math import inf

from headrace.backends.base import Log
from headrace.backends.kubernetes import diagnosis
from headrace.backends.kubernetes.api import Cluster
from headrace.backends.kubernetes.application import Application
from headrace.backends.kubernetes.lines import DriverLog
from headrace.backends.kubernetes.names import driver_of
from headrace.backends.kubernetes.objects import finished, suspended
from headrace.backends.kubernetes.starting import Patience, Waiting, wait_for_start
from headrace.errors import ClusterError, ClusterRefusedError, Retry, retry_after
from headrace.outcome import Outcome, reason_from_last_line

ENDING_SECONDS = 0.5  # between looks after the driver's log has ended
POLL_SECONDS = 5.0
REFUSED_SECONDS = 1800  # how long the API server may refuse to show an application that it has shown
UNSEEN_SECONDS = 120  # the same for an application that it has not shown yet
SETTLE_SECONDS = 20  # after the driver's end, its log counts as complete after so many seconds without a line


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
    waiting = Waiting()

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
                application = Application(cluster, name, uid, saw)
                outcome = await _follow(application, patience, waiting, log, log_of_driver)
            break
        except (ClusterError, ClusterRefusedError) as failure:
            refused_since = min(refused_since, clock()) if isinstance(failure, ClusterRefusedError) else inf
            if clock() - refused_since > (REFUSED_SECONDS if seen > -inf else UNSEEN_SECONDS):
                raise
            if str(failure) != told or seen > told_at:
                told, told_at = str(failure), clock()
                log(f"connection to the cluster lost; the driver's log will start again from its first line: {told}")
            await asyncio.sleep(POLL_SECONDS)
            waiting.connected_again()
    if given_up and outcome.code and retry_after(outcome.code) is not Retry.NEVER:  # else it names the cause
        return diagnosis.without_executors(refused)
    if outcome.code and not outcome.reason:
        return Outcome(outcome.code, reason_from_last_line(outcome.code, last_line))
    return outcome


async def _follow(
    application: Application, patience: Patience, waiting: Waiting, log: Log, log_of_driver: Log
) -> Outcome:
    while True:
        early = await wait_for_start(application, patience, waiting, log)
        outcome = early or await _pass_on(application, log, log_of_driver)
        if outcome is not None:
            return outcome
        waiting.begin()  # it was suspended, and starts again


async def _pass_on(application: Application, log: Log, log_of_driver: Log) -> Outcome | None:
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


async def _wait_for_end(application: Application, lines: asyncio.Task[None]) -> Outcome | None:
    """Wait until the application has ended, or is suspended. The pod's status shows the end also without an operator.

    Raises:
        ClusterError, ClusterRefusedError: the cluster could not be asked, here or for the driver's lines.
    """
    while True:
        found, pod = await application.objects()
        executors = await application.executors() if pod is not None and finished(pod) else []
        outcome = diagnosis.ended(pod, executors, found)
        if outcome is not None and outcome.code:
            found, _ = await application.objects()  # it may have been suspended between these two looks
        if suspended(found) and (outcome is None or outcome.code):
            return None
        if outcome is not None:
            return outcome
        if lines.done():
            lines.result()  # an error of the cluster ends this connection
            await asyncio.sleep(ENDING_SECONDS)
        else:
            await asyncio.wait([lines], timeout=POLL_SECONDS)
