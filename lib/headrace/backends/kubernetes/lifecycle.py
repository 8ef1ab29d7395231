"""One application a task: made, joined or replaced by its name, and gone when the task is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from headrace import storage
from headrace.backends.kubernetes import diagnosis
from headrace.backends.kubernetes.api import Cluster
from headrace.backends.kubernetes.manifest import DIGEST, RESULTS
from headrace.backends.kubernetes.names import driver_of
from headrace.errors import ClusterError, StorageError, StorageRefusedError

GONE_SECONDS = 90  # for a driver to end, and for its node to say so
PAUSE_SECONDS = 0.3


@dataclass(frozen=True)
class Owned:
    """An application that is ours. ``uid`` tells it from an earlier or a later one of its name."""

    name: str
    uid: str
    joined: bool


async def own(cluster: Cluster, manifest: dict[str, Any], *, again: bool = False) -> Owned:
    """See to it that the application of this name is this one, and no other.

    One that is there already with the same specification is joined, whether it runs or has ended; one with another is
    deleted first, and this one made when nothing of it is left. ``again``: and so is one that has ended.

    Raises:
        ClusterError: what was there before does not go away.
    """
    name = manifest["metadata"]["name"]
    while True:
        there = await cluster.application(name)
        if there is None:
            await _gone(cluster.pod, "pod", driver_of(name))
            await _forget(manifest)
            if (made := await cluster.create(manifest)) is not None:
                return Owned(name, made["metadata"]["uid"], joined=False)
        elif _other(there, manifest) or (again and diagnosis.state_of(there) in ("COMPLETED", "FAILED")):
            await release(cluster, name, there["metadata"]["uid"])
        else:
            return Owned(name, there["metadata"]["uid"], joined=True)


async def release(cluster: Cluster, name: str, uid: str) -> None:
    """Delete this very application, and wait until neither it nor its driver is there; then what it handed on.

    A driver that the operator is just then making comes after that, and Kubernetes' garbage collection ends it within
    seconds, as its owner is gone; ``follow`` takes it for nobody's.

    Raises:
        ClusterError: it does not go away.
    """

    async def still(_: str) -> dict[str, Any] | None:
        there = await cluster.application(name)
        return there if there is not None and there["metadata"]["uid"] == uid else None

    ours = await still(name)
    await cluster.delete(name, uid)
    await _gone(still, "sparkapplication", name)
    if await cluster.application(name) is None:
        await _gone(cluster.pod, "pod", driver_of(name))
        with suppress(StorageError, StorageRefusedError):  # a small file that stays does no harm
            await _forget(ours or {})


async def _gone(look: Callable[[str], Awaitable[object]], kind: str, name: str) -> None:
    until = asyncio.get_running_loop().time() + GONE_SECONDS
    while await look(name) is not None:
        if asyncio.get_running_loop().time() > until:
            raise ClusterError(f"the {kind} {name} does not go away", f"Look at it: kubectl describe {kind} {name}")
        await asyncio.sleep(PAUSE_SECONDS)


async def _forget(application: dict[str, Any]) -> None:
    """Remove what its stages handed on."""
    if results := application.get("metadata", {}).get("annotations", {}).get(RESULTS):
        await asyncio.to_thread(storage.remove, storage.place(results))


def _other(application: dict[str, Any], manifest: dict[str, Any]) -> bool:
    return "deletionTimestamp" in application["metadata"] or _digest(application) != _digest(manifest)


def _digest(application: dict[str, Any]) -> str:
    return str(application["metadata"].get("annotations", {}).get(DIGEST, ""))
