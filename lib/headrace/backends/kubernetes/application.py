"""One application and its pods, as the API server shows them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from headrace.backends.kubernetes.api import Cluster
from headrace.backends.kubernetes.names import driver_of
from headrace.backends.kubernetes.objects import belongs
from headrace.errors import ClusterRefusedError


@dataclass(frozen=True)
class Application:
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
