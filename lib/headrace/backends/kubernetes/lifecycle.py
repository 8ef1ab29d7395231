"""One application for each task: created, joined or replaced by its name, and deleted when the task is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from headrace import storage
from headrace.backends.kubernetes.api import Cluster
from headrace.backends.kubernetes.manifest import CLEARS, DIGEST, RESULTS
from headrace.backends.kubernetes.names import driver_of
from headrace.backends.kubernetes.objects import state_of
from headrace.best_effort import BestEffort
from headrace.errors import ClusterError

GONE_SECONDS = 90  # the time in which a driver must end, and its node report so
PAUSE_SECONDS = 0.3


@dataclass(frozen=True)
class Owned:
    """An application that this task owns.

    Attributes:
        uid: distinguishes it from an earlier or a later application of the same name.
        joined: whether it existed already.
    """

    name: str
    uid: str
    joined: bool


async def own(cluster: Cluster, manifest: dict[str, Any]) -> Owned:
    """Make sure that the only application of this name is the one that the manifest describes.

    An existing application with the same specification is joined while it has not ended. The next try of the same task
    also joins one that has completed. None is joined after a person cleared the task: its input may have changed. Any
    other is deleted, and the new one is created once nothing of the old one is left.

    Raises:
        ClusterError: the old application could not be deleted.
    """
    name = manifest["metadata"]["name"]
    while True:
        existing = await cluster.application(name)
        if existing is None:
            await _wait_until_gone(cluster.pod, "pod", driver_of(name))
            await _remove_results(manifest)
            if (created := await cluster.create(manifest)) is not None:
                return Owned(name, created["metadata"]["uid"], joined=False)
        elif _differs(existing, manifest) or not _continues(existing, manifest):
            await release(cluster, name, existing["metadata"]["uid"])
        else:
            return Owned(name, existing["metadata"]["uid"], joined=True)


async def release(cluster: Cluster, name: str, uid: str) -> None:
    """Delete the application with this uid, wait until it and its driver are gone, and remove its results.

    The operator may create a driver at this very moment. Its owner is then gone, so that Kubernetes' garbage collection
    deletes it within seconds, and ``follow`` ignores it.

    Raises:
        ClusterError: it could not be deleted.
    """

    async def application(_: str) -> dict[str, Any] | None:
        found = await cluster.application(name)
        return found if found is not None and found["metadata"]["uid"] == uid else None

    released = await application(name)
    await cluster.delete(name, uid)
    await _wait_until_gone(application, "sparkapplication", name)
    if await cluster.application(name) is None:
        await _wait_until_gone(cluster.pod, "pod", driver_of(name))
        with BestEffort("the removal of a small file of results"):
            await _remove_results(released or {})


async def _wait_until_gone(find: Callable[[str], Awaitable[object]], kind: str, name: str) -> None:
    deadline = asyncio.get_running_loop().time() + GONE_SECONDS
    while await find(name) is not None:
        if asyncio.get_running_loop().time() > deadline:
            raise ClusterError(f"the {kind} {name} does not go away", f"See why: kubectl describe {kind} {name}")
        await asyncio.sleep(PAUSE_SECONDS)


async def _remove_results(application: dict[str, Any]) -> None:
    """Remove the results that the application's stages handed on."""
    if results := application.get("metadata", {}).get("annotations", {}).get(RESULTS):
        await asyncio.to_thread(storage.remove, storage.place(results))


def _differs(application: dict[str, Any], manifest: dict[str, Any]) -> bool:
    """Whether the application is being deleted, or has another specification than the manifest."""
    return "deletionTimestamp" in application["metadata"] or _digest(application) != _digest(manifest)


def _continues(application: dict[str, Any], manifest: dict[str, Any]) -> bool:
    """Whether the application still runs, or completed, for the tries to which the manifest belongs."""
    before, now = (of["metadata"].get("annotations", {}).get(CLEARS) for of in (application, manifest))
    match state_of(application):
        case "FAILED":
            return False
        case "COMPLETED":
            return now is not None and before == now
    return bool(before == now)


def _digest(application: dict[str, Any]) -> str:
    return str(application["metadata"].get("annotations", {}).get(DIGEST, ""))
