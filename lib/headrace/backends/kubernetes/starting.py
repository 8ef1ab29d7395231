"""Wait until an application's driver runs: in a queue first, and then for its start."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import inf
from typing import Any

from headrace.backends.base import Log
from headrace.backends.kubernetes import diagnosis
from headrace.backends.kubernetes.application import Application
from headrace.backends.kubernetes.names import driver_of
from headrace.backends.kubernetes.objects import running, suspended
from headrace.backends.kubernetes.queues import queued
from headrace.config.settings import Kubernetes
from headrace.errors import PERMANENT, RETRYABLE
from headrace.outcome import Outcome

POLL_SECONDS = 0.5
STUCK_SECONDS = 30  # the kubelet tries again meanwhile, and may find an image or a Secret that was missing


@dataclass(frozen=True)
class Patience:
    """How many seconds an application is waited for.

    Attributes:
        queue: for a quota, a queue or a node with room, counted from the first look at it. Until it is resumed, there
            is no bound.
        start: after that, until the driver runs.
    """

    queue: float
    start: float

    @classmethod
    def of(cls, settings: Kubernetes) -> Patience:
        return cls(settings.queue_timeout_seconds, settings.start_timeout_seconds)


class Waiting:
    """Since when an application is waited for. The time in a queue counts over all connections."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self.begin()

    def begin(self) -> None:
        """Begin to count."""
        self._queued_since, self._admitted = inf, self._clock()

    def connected_again(self) -> None:
        """Count the start from now on: it may have left its queue while nobody looked."""
        self._admitted = self._clock()

    def late(self, queue: str, is_suspended: bool, patience: Patience) -> bool:
        """Whether it waits too long; ``queue`` is what it waits for, if that is not its own affair."""
        now = self._clock()
        if queue:
            self._admitted = now
        if queue and not is_suspended:
            self._queued_since = min(self._queued_since, now)
            return now - self._queued_since > patience.queue
        return now - self._admitted > patience.start


async def wait_for_start(application: Application, patience: Patience, waiting: Waiting, log: Log) -> Outcome | None:
    """Wait until the driver runs; returns the outcome if the application ended before."""
    clock = asyncio.get_running_loop().time
    stuck_since, logged = inf, ""
    while True:
        found, pod = await application.objects()
        queue = queued(pod, found or {})
        if running(pod) and not queue:
            return None
        if (outcome := diagnosis.ended(pod, (), found)) is not None:
            return outcome
        reason = diagnosis.stuck(pod) if pod else ""
        stuck_since = min(stuck_since, clock()) if reason else inf
        if clock() - stuck_since > min(STUCK_SECONDS, patience.start):
            return Outcome(RETRYABLE, reason)
        if waiting.late(queue, suspended(found), patience):
            return await _too_late(application, patience, queue, found or {}, pod)
        waits_for = diagnosis.waits_for(pod, found or {})
        if waits_for != logged:
            log(f"waiting: {waits_for}")
            logged = waits_for
        await asyncio.sleep(POLL_SECONDS)


async def _too_late(
    application: Application, patience: Patience, queue: str, found: dict[str, Any], pod: dict[str, Any] | None
) -> Outcome:
    """Why an application does not start. Another try would wait as long in the same queue, so a person is told."""
    if queue:
        return Outcome(PERMANENT, f"it waited for {patience.queue:g} s: {queue}")
    events = await application.events(driver_of(application.name) if pod else application.name)
    reason = diagnosis.waits_for(pod, found, events)
    return Outcome(RETRYABLE, f"it did not start within {patience.start:g} s: {reason}")
