"""The Kubernetes backend: a job is a SparkApplication."""

from __future__ import annotations

import asyncio
import json
import shlex
import threading
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

import yaml

from headrace.backends.base import Connect, InUse, Log
from headrace.backends.kubernetes import connection, follow, lifecycle, names
from headrace.backends.kubernetes.api import Cluster
from headrace.backends.kubernetes.lifecycle import Owned
from headrace.backends.kubernetes.manifest import DOMAIN, IDENTITY, MANAGED, image_of, manifest, spark_settings
from headrace.backends.kubernetes.starting import Patience
from headrace.commands import Job
from headrace.config import Config, ConfigSource
from headrace.errors import RETRYABLE, ClusterError, HeadraceError
from headrace.outcome import Outcome


class KubernetesBackend:
    """See ``backends.base.Backend``.

    A job started by hand is named after the person and the command. The same command again joins the running
    application, or replaces one that has ended.
    """

    deferrable = True

    def __init__(self, config: Config, connect: Connect | None = None) -> None:
        self._config = config
        self._connect = connect or connection.connected
        self._running: Owned | None = None
        self._cancelled = threading.Event()

    def spark_settings(self) -> dict[str, str]:
        return spark_settings(self._config)

    def with_source(self, job: Job, source: ConfigSource) -> Job:
        # The folder is not named: the job is given what was read from it.
        return job.with_arguments(ConfigSource(root=source.root).to_argv())

    def submission(self, job: Job) -> str:
        return yaml.safe_dump(self._manifest(job), sort_keys=False, width=120).rstrip("\n")

    def command_to_type(self, job: Job) -> str:
        return shlex.join(["headrace", "submit", job.file, "--env", self._config.environment, "--", *job.arguments])

    def run(self, job: Job, log: Log | None = None) -> Outcome:
        return asyncio.run(self._run(self._manifest(job), log or _print_line))

    def cancel(self) -> None:
        self._cancelled.set()
        running = self._running
        if running is not None:
            in_thread(self._release(running))

    def clean_up(self, in_use: InUse) -> list[str]:
        return asyncio.run(self._clean_up(in_use))

    def _manifest(self, job: Job) -> dict[str, Any]:
        identity = names.by_hand(job, str(self._config.root), image_of(self._config))
        described = manifest(self._config, identity, job)
        # A task has Airflow's time limit. Nobody may be there any more who would end this one.
        seconds = round(self._config.kubernetes.by_hand_hours * 3600)
        described["spec"]["driver"]["template"]["spec"]["activeDeadlineSeconds"] = seconds
        return described

    async def _run(self, application: dict[str, Any], log: Log) -> Outcome:
        async with self._connect(self._config) as cluster:
            if self._cancelled.is_set():
                return Outcome(RETRYABLE, "cancelled before it was submitted")
            self._running = owned = await lifecycle.own(cluster, application)
            pod = names.driver_of(owned.name)
            log(f"application {owned.name}{' is running already' if owned.joined else ''}; its driver is the pod {pod}")
            try:
                if self._cancelled.is_set():  # while it was being submitted
                    return Outcome(RETRYABLE, "cancelled while it was being submitted")
                patience = Patience.of(self._config.kubernetes)
                return await follow.follow(self._connected, owned.name, owned.uid, patience, log)
            finally:
                await self._try_release(owned, log)

    def _connected(self) -> AbstractAsyncContextManager[Cluster]:
        return self._connect(self._config)

    async def _try_release(self, owned: Owned, log: Log) -> None:
        """Delete the application. A failure to do so must not hide how the job ended."""
        try:
            await self._release(owned)
        except HeadraceError as failure:
            log(f"the application was not deleted: {failure}")

    async def _release(self, owned: Owned) -> None:
        async with self._connect(self._config) as cluster:
            await lifecycle.release(cluster, owned.name, owned.uid)

    async def _clean_up(self, in_use: InUse) -> list[str]:
        deleted: list[str] = []
        failures: list[ClusterError] = []
        labels = {**MANAGED, f"{DOMAIN}/environment": self._config.environment}
        async with self._connect(self._config) as cluster:
            for application in await cluster.applications(",".join(f"{key}={value}" for key, value in labels.items())):
                metadata = application["metadata"]
                if in_use(json.loads(metadata["annotations"].get(IDENTITY, '["unknown"]'))):
                    continue
                try:
                    await lifecycle.release(cluster, metadata["name"], metadata["uid"])
                    deleted.append(metadata["name"])
                except ClusterError as failure:  # the others can still be deleted
                    failures.append(failure)
        if failures:
            raise ClusterError("; ".join(failure.what for failure in failures), failures[0].hint)
        return deleted


def _print_line(line: str) -> None:
    print(line, flush=True)


def in_thread(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end in another thread, because this thread may have a running event loop."""
    failures: list[Exception] = []

    def run() -> None:
        try:
            asyncio.run(work)
        except Exception as failure:
            failures.append(failure)

    thread = threading.Thread(target=run, name="cluster")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
