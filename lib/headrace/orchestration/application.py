"""A task's SparkApplication: owned by the task, waited for by Airflow's triggerer, and gone however either ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from headrace import storage
from headrace.cluster import follow, names, owner
from headrace.cluster.api import Cluster
from headrace.cluster.manifest import RESULTS, manifest
from headrace.cluster.owner import Owned
from headrace.cluster.sizes import size_of
from headrace.config import Config, Size
from headrace.ended import Ended
from headrace.errors import HeadraceError
from headrace.result import told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context


class Followed(BaseTrigger):
    """Waits for an application in the triggerer: its driver's lines are the task's log, and its end is the event.

    A person who marks or clears the task ends the application; a restart of the triggerer does not.
    """

    def __init__(
        self, *, conn_id: str, namespace: str, name: str, uid: str, results: str, start_timeout: float
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conn_id, self.namespace, self.name, self.uid = conn_id, namespace, name, uid
        self.results, self.start_timeout = results, start_timeout

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ("conn_id", "namespace", "name", "uid", "results", "start_timeout")
        kwargs = {name: getattr(self, name) for name in names}
        return f"{type(self).__module__}.{type(self).__qualname__}", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        def say(line: str) -> None:
            self.log.info("%s", line)

        try:
            async with connected(self.conn_id, self.namespace) as cluster:
                ended = await follow.follow(cluster, self.name, self.uid, self.start_timeout, say)
        except HeadraceError as error:
            ended = Ended.by(error)
        event = {"code": ended.code, "reason": ended.reason, "uid": self.uid, "results": self.results}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        async with connected(self.conn_id, self.namespace) as cluster:
            await owner.release(cluster, self.name, self.uid)


class Application:
    """The application of one task instance, seen from its worker."""

    def __init__(self, config: Config, context: Context, file: str, arguments: Sequence[str], size: str) -> None:
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else ti.map_index
        self._identity = names.of_task(ti.dag_id, ti.task_id, ti.run_id, map_index)
        self._config, self._kubernetes = config, config.kubernetes
        self._file, self._arguments, self._size = file, arguments, size
        self.name: str = self._identity.name
        self._uid = ""  # until it is known which of that name is ours

    @cached_property
    def _given(self) -> Size:
        return size_of(self._config, self._file, self._arguments, self._size)

    @cached_property
    def _manifest(self) -> dict[str, Any]:
        return manifest(self._config, self._identity, self._file, self._arguments, self._given)

    def own(self) -> Followed:
        """Make it, or join the one that a lost worker of this task left; returns what waits for it."""
        owned: Owned = asyncio.run(self._owned())
        self._uid = owned.uid
        return Followed(
            conn_id=self._kubernetes.conn_id,
            namespace=self._kubernetes.namespace,
            name=owned.name,
            uid=owned.uid,
            results=self._manifest["metadata"]["annotations"][RESULTS],
            start_timeout=self._kubernetes.start_timeout_seconds,
        )

    def by_hand(self) -> list[str]:
        """What a person can type while it runs."""
        pod = names.driver_of(self.name)
        kubectl = f"kubectl -n {self._kubernetes.namespace}"
        return [
            f"application {self.name} in {self._kubernetes.namespace}; its size: {self._given.reason}",
            f"its log: {kubectl} logs -f {pod}; its Spark UI: {kubectl} port-forward {pod} 4040",
        ]

    def ended(self, event: dict[str, Any]) -> Ended:
        """How it ended, with what its stages handed on; a failure is told of as it is, even where S3 is away."""
        self._uid = event["uid"]
        try:
            results = told(storage.place(event["results"]))
        except HeadraceError:
            if not event["code"]:
                raise
            results = []
        return Ended(event["code"], event["reason"], results)

    def release(self) -> None:
        """Delete it, and wait until it is gone. Safe in a signal's handler."""
        failed: list[Exception] = []

        def work() -> None:
            try:
                asyncio.run(self._released())
            except Exception as error:
                failed.append(error)

        thread = threading.Thread(target=work, name="release")  # this one may have a loop that runs
        thread.start()
        thread.join()
        if failed:
            raise failed[0]

    async def _owned(self) -> Owned:
        async with connected(self._kubernetes.conn_id, self._kubernetes.namespace) as cluster:
            return await owner.own(cluster, self._manifest)

    async def _released(self) -> None:
        async with connected(self._kubernetes.conn_id, self._kubernetes.namespace) as cluster:
            uid = self._uid
            if not uid and (there := await cluster.application(self.name)) is not None:
                uid = there["metadata"]["uid"]
            if uid:
                await owner.release(cluster, self.name, uid)


@asynccontextmanager
async def connected(conn_id: str, namespace: str) -> AsyncIterator[Cluster]:
    """The cluster that an Airflow connection names."""
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

    async def login() -> Any:
        async with AsyncKubernetesHook(conn_id=conn_id).get_conn() as fresh:
            return fresh.configuration

    async with AsyncKubernetesHook(conn_id=conn_id).get_conn() as client:
        yield Cluster(client, namespace, login)
