"""A task's SparkApplication: the task owns it, Airflow's triggerer waits for it, and it is deleted with either."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.triggers.base import BaseTrigger, TriggerEvent

from headrace import storage
from headrace.backends.kubernetes import follow, lifecycle, names
from headrace.backends.kubernetes.api import Cluster
from headrace.backends.kubernetes.backend import in_thread
from headrace.backends.kubernetes.lifecycle import Owned
from headrace.backends.kubernetes.manifest import CLEARS, RESULTS, manifest
from headrace.backends.kubernetes.objects import ENDED, state_of
from headrace.backends.kubernetes.retry import logged_in
from headrace.backends.kubernetes.starting import Patience
from headrace.best_effort import BestEffort
from headrace.commands import Job
from headrace.config import Config
from headrace.config.settings import Kubernetes
from headrace.errors import ClusterError, HeadraceError, NotPermittedError
from headrace.outcome import Outcome, read_results
from headrace.sizing.sizes import size_of

if TYPE_CHECKING:
    from airflow.sdk import Context


DEFERRED = "deferred"  # Airflow's state of a task that waits for its trigger
ENDING: set[asyncio.Task[None]] = set()  # asyncio itself keeps no reference to them
OF_AN_OLDER_RELEASE = Kubernetes()  # what its trigger, which still waits after an upgrade, does not say


class Followed(BaseTrigger):
    """Waits for an application in the triggerer. Its driver's lines are the task's log, and its end is the event.

    A person who marks or clears the task ends the application. A restart of the triggerer does not. Neither does a
    triggerer that wakes up after another took over its triggers, although Airflow cancels them in the same way.
    """

    def __init__(
        self, *, conn_id: str, namespace: str, name: str, uid: str, results: str, start_timeout: float,
        queue_timeout: float = OF_AN_OLDER_RELEASE.queue_timeout_seconds,
    ) -> None:  # fmt: skip
        super().__init__()  # type: ignore[no-untyped-call]
        self.conn_id, self.namespace, self.name, self.uid = conn_id, namespace, name, uid
        self.results, self.start_timeout, self.queue_timeout = results, start_timeout, queue_timeout

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ("conn_id", "namespace", "name", "uid", "results", "start_timeout")
        kwargs = {name: getattr(self, name) for name in names}
        if self.queue_timeout != OF_AN_OLDER_RELEASE.queue_timeout_seconds:  # whose triggerer would not know it
            kwargs["queue_timeout"] = self.queue_timeout
        return f"{type(self).__module__}.{type(self).__qualname__}", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        def log(line: str) -> None:
            self.log.info("%s", line)

        def connect() -> AbstractAsyncContextManager[Cluster]:
            return connected(self.conn_id, self.namespace)

        try:
            patience = Patience(self.queue_timeout, self.start_timeout)
            outcome = await follow.follow(connect, self.name, self.uid, patience, log)
        except HeadraceError as error:
            outcome = Outcome.of_error(error)
        event = {"code": outcome.code, "reason": outcome.reason, "uid": self.uid, "results": self.results}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """End the application in a separate task, which goes on where Airflow gives up waiting for this one."""
        ending = asyncio.create_task(self._end())
        ENDING.add(ending)
        ending.add_done_callback(ENDING.discard)
        await asyncio.shield(ending)

    async def _end(self) -> None:
        """Delete the application, unless the task still waits for it. If this fails, ``sweep`` deletes it."""
        with BestEffort(f"the deletion of the application {self.name}"):
            if await self._state_of_task() == DEFERRED:
                self.log.info("another triggerer follows the application %s, which goes on", self.name)
                return
            async with connected(self.conn_id, self.namespace) as cluster:
                application = await cluster.application(self.name)
                if application is not None and state_of(application) not in ENDED:  # its task reads what has ended
                    await lifecycle.release(cluster, self.name, self.uid)

    async def _state_of_task(self) -> str | None:
        """The present state of the task, which Airflow does not tell a trigger that it cancels."""
        ti = self.task_instance
        assert ti is not None
        states = await asyncio.to_thread(
            RuntimeTaskInstance.get_task_states,
            dag_id=ti.dag_id,
            task_ids=[ti.task_id],
            run_ids=[ti.run_id],
            map_index=ti.map_index,
        )
        key = ti.task_id if ti.map_index < 0 else f"{ti.task_id}_{ti.map_index}"
        state: str | None = states.get(ti.run_id, {}).get(key)
        return state


class Application:
    """The application of one task instance, as its worker sees it."""

    def __init__(self, config: Config, context: Context, job: Job) -> None:
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else ti.map_index
        self._identity = names.of_task(ti.dag_id, ti.task_id, ti.run_id, map_index)
        self._config, self._kubernetes, self._job = config, config.kubernetes, job
        self._tries, self._clears = ti.try_number, str(ti.max_tries)  # clearing a task raises the latter
        self.name: str = self._identity.name
        self._uid = ""  # unknown until the application of this name is ours

    @cached_property
    def _manifest(self) -> dict[str, Any]:
        described = manifest(self._config, self._identity, self._job)
        described["metadata"]["annotations"][CLEARS] = self._clears
        return described

    def own(self) -> Followed:
        """Create the application, or join the one of an earlier try that lost its worker or its trigger.

        Returns its trigger.

        Raises:
            ClusterError: the cluster cannot be asked, or refuses what it permitted to an earlier try.
            ClusterRefusedError: the API server refuses the application.
        """
        try:
            owned: Owned = asyncio.run(self._owned())
        except NotPermittedError as refusal:
            if self._tries > 1:
                raise ClusterError(refusal.what, refusal.hint) from refusal
            raise
        self._uid = owned.uid
        return Followed(
            conn_id=self._kubernetes.conn_id,
            namespace=self._kubernetes.namespace,
            name=owned.name,
            uid=owned.uid,
            results=self._manifest["metadata"]["annotations"][RESULTS],
            start_timeout=self._kubernetes.start_timeout_seconds,
            queue_timeout=self._kubernetes.queue_timeout_seconds,
        )

    def commands_to_type(self) -> list[str]:
        """Lines for the log: the application, its size, and what a person can type while it runs."""
        pod = names.driver_of(self.name)
        kubectl = f"kubectl -n {self._kubernetes.namespace}"
        reason = size_of(self._config, self._job).reason
        return [
            f"application {self.name} in {self._kubernetes.namespace}; its size: {reason}",
            f"its log: {kubectl} logs -f {pod}; its Spark UI: {kubectl} port-forward {pod} 4040",
        ]

    def outcome(self, event: dict[str, Any]) -> Outcome:
        """How it ended, with the results of its stages, which later tasks need.

        A failure is reported even if they cannot be read.

        Raises:
            StorageError: it has succeeded, and its results cannot be read. Another try finds its work done.
        """
        self._uid = event["uid"]
        outcome, results = Outcome(event["code"], event["reason"]), storage.place(event["results"])
        if not outcome.code:
            return replace(outcome, results=read_results(results))
        with BestEffort("what the failed job handed on"):
            return replace(outcome, results=read_results(results))
        return outcome

    def release(self) -> None:
        """Delete it, and wait until it is gone. Safe in a signal handler."""
        in_thread(self._released())

    async def _owned(self) -> Owned:
        async with connected(self._kubernetes.conn_id, self._kubernetes.namespace) as cluster:
            return await lifecycle.own(cluster, self._manifest)

    async def _released(self) -> None:
        async with connected(self._kubernetes.conn_id, self._kubernetes.namespace) as cluster:
            uid = self._uid
            if not uid and (application := await cluster.application(self.name)) is not None:
                uid = application["metadata"]["uid"]
            if uid:
                await lifecycle.release(cluster, self.name, uid)


@asynccontextmanager
async def connected(conn_id: str, namespace: str) -> AsyncIterator[Cluster]:
    """The cluster that an Airflow connection names.

    Raises:
        ClusterError: the login failed.
    """
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

    async def login() -> Any:
        async with AsyncKubernetesHook(conn_id=conn_id).get_conn() as fresh:
            return fresh.configuration

    async with AsyncExitStack() as stack:
        connection = AsyncKubernetesHook(conn_id=conn_id).get_conn()
        client = await logged_in(lambda: stack.enter_async_context(connection))
        yield Cluster(client, namespace, login)
