"""An application from its start to its end: what it waits for, its driver's lines as they come, and why it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from headrace.cluster import reasons
from headrace.cluster.api import Cluster
from headrace.cluster.names import driver_of
from headrace.ended import NOISE, Ended, by_its_last_line
from headrace.errors import RETRYABLE, ClusterError

Say = Callable[[str], object]

START_POLL_SECONDS = 0.5
POLL_SECONDS = 5.0
STUCK_SECONDS = 30  # an image or a Secret that appears meanwhile is found by the kubelet's next try
SETTLE_SECONDS = 20  # for the pod's status to follow the end of its log


async def follow(cluster: Cluster, name: str, start_timeout: float, say: Say) -> Ended:
    """Hand each line of the driver to ``say`` as it comes; returns when the application has ended or did not start.

    Nothing is deleted here. ``start_timeout`` is in seconds and counts from now, until the driver runs. An API server
    that is away is waited for, however long: the job runs on without it.
    """
    last = ""

    def hear(line: str) -> None:
        nonlocal last
        last = line
        say(line)

    while True:
        try:
            ended = await _followed(cluster, name, start_timeout, hear)
        except ClusterError as away:
            say(f"out of sight, and followed again from its first line: {away}")
            continue
        return ended if ended.reason or not ended.code else Ended(ended.code, by_its_last_line(ended.code, last))


async def _followed(cluster: Cluster, name: str, start_timeout: float, say: Say) -> Ended:
    early = await _started(cluster, name, start_timeout, say)
    if early is not None:
        return early
    lines = asyncio.create_task(_say_lines(cluster, driver_of(name), say))
    try:
        ended = await _ended(cluster, name, lines)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(lines, SETTLE_SECONDS)  # its last lines
    finally:
        lines.cancel()
    return ended


async def _started(cluster: Cluster, name: str, timeout: float, say: Say) -> Ended | None:
    """Wait until the driver runs; returns how it ended if it did so before."""
    clock = asyncio.get_running_loop().time
    until, stuck_since, waited_for = clock() + timeout, 0.0, ""
    while True:
        application, pod = await cluster.application(name), await cluster.pod(driver_of(name))
        if reasons.running(pod):
            return None
        if (ended := reasons.ended(pod, (), application)) is not None:
            return ended
        why = reasons.stuck(pod) if pod else ""
        stuck_since = (stuck_since or clock()) if why else 0.0
        if why and clock() - stuck_since > min(STUCK_SECONDS, timeout):
            return Ended(RETRYABLE, why)
        if clock() > until:
            events = await cluster.events(driver_of(name) if pod else name)
            said = reasons.waits_for(pod, application or {}, events)
            return Ended(RETRYABLE, f"it did not start within {timeout:g} s: {said}")
        now_for = reasons.waits_for(pod, application or {})
        if now_for != waited_for:
            say(f"waiting: {now_for}")
            waited_for = now_for
        await asyncio.sleep(START_POLL_SECONDS)


async def _ended(cluster: Cluster, name: str, lines: asyncio.Task[None]) -> Ended:
    """Wait for the end. The pod itself is looked at: it says how it ended even while the operator is away."""
    while True:
        application, pod = await cluster.application(name), await cluster.pod(driver_of(name))
        executors = await _executors(cluster, name) if pod is not None and reasons.finished(pod) else []
        if (ended := reasons.ended(pod, executors, application)) is not None:
            return ended
        pause = POLL_SECONDS if not lines.done() else START_POLL_SECONDS
        await asyncio.wait([lines], timeout=pause) if not lines.done() else await asyncio.sleep(pause)


async def _executors(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    return await cluster.pods(f"sparkoperator.k8s.io/app-name={name},spark-role=executor")


async def _say_lines(cluster: Cluster, pod: str, say: Say) -> None:
    """Each line once, also where the connection breaks and is made anew: lines have times, and times grow."""
    from aiohttp import ClientError
    from kubernetes_asyncio.client import ApiException

    last = b""
    while True:
        try:
            async for line in cluster.log(pod):
                time, _, text = line.partition(b" ")
                if time > last:
                    last = time
                    shown = text.decode(errors="replace").rstrip()
                    if shown and not shown.startswith(NOISE):
                        say(shown)
        except (TimeoutError, ClientError, ApiException, OSError):
            pass
        if reasons.finished(await cluster.pod(pod)):
            return
        await asyncio.sleep(START_POLL_SECONDS)
