"""An application from its start to its end: what it waits for, its driver's lines as they come, and why it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from headrace.backends.kubernetes import diagnosis
from headrace.backends.kubernetes.api import Cluster
from headrace.backends.kubernetes.names import driver_of
from headrace.errors import PERMANENT, RETRYABLE, ClusterError, ClusterRefusedError
from headrace.outcome import NOISE, Outcome, reason_from_last_line

Say = Callable[[str], object]

START_POLL_SECONDS = 0.5
POLL_SECONDS = 5.0
STUCK_SECONDS = 30  # an image or a Secret that appears meanwhile is found by the kubelet's next try
SETTLE_SECONDS = 20  # for the pod's status to follow the end of its log


async def follow(cluster: Cluster, name: str, uid: str, start_timeout: float, say: Say) -> Outcome:
    """Hand each line of the driver to ``say`` as it comes; returns when the application has ended or did not start.

    Nothing is deleted here. ``start_timeout`` is in seconds and counts from now, until the driver runs. An API server
    that is away is waited for, however long: the job runs on without it. What has the name and not the ``uid`` is
    another application's.
    """
    last, refused, given_up = "", None, False

    def hear(line: str) -> None:
        nonlocal last, refused, given_up
        last = line
        if "is forbidden" in line:
            refused = diagnosis.refusal(line) or refused
        given_up = given_up or diagnosis.GIVEN_UP in line
        say(line)

    while True:
        try:
            ended = await _followed(_Seen(cluster, name, uid), start_timeout, say, hear)
        except ClusterError as away:
            say(f"out of sight, and followed again from its first line: {away}")
            continue
        if given_up and ended.code not in (0, PERMANENT):  # of executors that ran out of memory more is known
            return diagnosis.without_executors(refused)
        return ended if ended.reason or not ended.code else Outcome(ended.code, reason_from_last_line(ended.code, last))


@dataclass(frozen=True)
class _Seen:
    """One application, and what is its own."""

    cluster: Cluster
    name: str
    uid: str

    async def now(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """The application and its driver's pod, where they are there."""
        application = await self.cluster.application(self.name)
        ours = application is not None and application["metadata"]["uid"] == self.uid
        return application if ours else None, await self.driver()

    async def driver(self) -> dict[str, Any] | None:
        pod = await self.cluster.pod(driver_of(self.name))
        return pod if pod is not None and diagnosis.belongs(pod, self.uid) else None


async def _followed(seen: _Seen, start_timeout: float, say: Say, hear: Say) -> Outcome:
    early = await _started(seen, start_timeout, say)
    if early is not None:
        return early
    lines = asyncio.create_task(_say_lines(seen, say, hear))
    try:
        ended = await _ended(seen, lines)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(lines, SETTLE_SECONDS)  # its last lines
    finally:
        lines.cancel()
    return ended


async def _started(seen: _Seen, timeout: float, say: Say) -> Outcome | None:
    """Wait until the driver runs; returns how it ended if it did so before."""
    clock = asyncio.get_running_loop().time
    until, stuck_since, waited_for = clock() + timeout, 0.0, ""
    while True:
        application, pod = await seen.now()
        if diagnosis.running(pod):
            return None
        if (ended := diagnosis.ended(pod, (), application)) is not None:
            return ended
        why = diagnosis.stuck(pod) if pod else ""
        stuck_since = (stuck_since or clock()) if why else 0.0
        if why and clock() - stuck_since > min(STUCK_SECONDS, timeout):
            return Outcome(RETRYABLE, why)
        if clock() > until:
            events = await seen.cluster.events(driver_of(seen.name) if pod else seen.name)
            said = diagnosis.waits_for(pod, application or {}, events)
            return Outcome(RETRYABLE, f"it did not start within {timeout:g} s: {said}")
        now_for = diagnosis.waits_for(pod, application or {})
        if now_for != waited_for:
            say(f"waiting: {now_for}")
            waited_for = now_for
        await asyncio.sleep(START_POLL_SECONDS)


async def _ended(seen: _Seen, lines: asyncio.Task[None]) -> Outcome:
    """Wait for the end. The pod itself is looked at: it says how it ended even while the operator is away."""
    while True:
        application, pod = await seen.now()
        executors = await _executors(seen) if pod is not None and diagnosis.finished(pod) else []
        if (ended := diagnosis.ended(pod, executors, application)) is not None:
            return ended
        pause = POLL_SECONDS if not lines.done() else START_POLL_SECONDS
        await asyncio.wait([lines], timeout=pause) if not lines.done() else await asyncio.sleep(pause)


async def _executors(seen: _Seen) -> list[dict[str, Any]]:
    return await seen.cluster.pods(f"sparkoperator.k8s.io/app-name={seen.name},spark-role=executor")


async def _say_lines(seen: _Seen, say: Say, hear: Say) -> None:
    """Each line once, also where the connection breaks and is made anew: lines have times, and times grow."""
    from aiohttp import ClientError
    from kubernetes_asyncio.client import ApiException

    last, refused = b"", ""
    while True:
        pause = START_POLL_SECONDS
        try:
            async for line in seen.cluster.log(driver_of(seen.name)):
                time, _, text = line.partition(b" ")
                if time > last:
                    last = time
                    shown = text.decode(errors="replace").rstrip()
                    if shown and not shown.startswith(NOISE):
                        hear(shown)
        except ClusterRefusedError as no_right:
            pause = POLL_SECONDS
            if str(no_right) != refused:
                refused = str(no_right)
                say(f"the driver's log cannot be read: {refused}")
        except (TimeoutError, ClientError, ApiException, OSError):
            pass
        if diagnosis.finished(await seen.driver()):
            return
        await asyncio.sleep(pause)
