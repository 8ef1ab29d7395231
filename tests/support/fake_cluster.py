"""A cluster that gives prepared answers, for tests of what follows an application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from typing import Any

import pytest
from headrace.backends.kubernetes import follow, lines, starting
from headrace.backends.kubernetes.starting import Patience
from headrace.errors import ClusterError
from headrace.outcome import Outcome


def pod(name: str = "x-driver", limit: str = "2Gi", **state: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"resources": {"limits": {"memory": limit}}}]},
        "status": {"phase": "Running", "containerStatuses": [{"image": "jobs:1", "state": state}]},
    }


def finished(code: int, reason: str = "Error", message: str = "", name: str = "x-driver") -> dict[str, Any]:
    return pod(name, terminated={"exitCode": code, "reason": reason, "message": message})


def owned(pod: dict[str, Any], uid: str) -> dict[str, Any]:
    pod["metadata"]["ownerReferences"] = [{"kind": "SparkApplication", "uid": uid}]
    return pod


class Absent:
    """A cluster that does not answer at first, and then has a driver that ended without a reason."""

    def __init__(self) -> None:
        self.asked = 0

    async def application(self, _: str) -> Any:
        self.asked += 1
        if self.asked in (1, 3):
            raise ClusterError("Kubernetes API request failed: no route", "Try again")
        return {"metadata": {"uid": "u"}, "status": {"applicationState": {"state": "RUNNING"}}}

    async def pod(self, _: str) -> Any:
        return owned(finished(1), "u")

    async def pods(self, _: str) -> list[Any]:
        return []

    async def log(self, _: str) -> AsyncIterator[bytes]:
        yield b"2026-11-26T15:00:00Z FileNotFoundError: no rates.csv"


PATIENCE = Patience(queue=10, start=10)


def followed(cluster: Any, log: Callable[[str], None], patience: Patience = PATIENCE) -> Outcome:
    """How an application ends, followed without long pauses."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(follow, "POLL_SECONDS", 0.01)
        patched.setattr(follow, "ENDING_SECONDS", 0.01)
        patched.setattr(starting, "POLL_SECONDS", 0.02)
        patched.setattr(lines, "AGAIN_SECONDS", 0.01)
        return asyncio.run(follow.follow(lambda: nullcontext(cluster), "name", "u", patience, log))
