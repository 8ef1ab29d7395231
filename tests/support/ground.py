"""A cluster for tests, a real S3 server beside it, and a project whose jobs run there.

`$HEADRACE_SHARED/cluster` starts the cluster. Tests delete things, so kubectl's current context is never used.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from headrace import config as configuration
from headrace.backends.kubernetes import follow, lifecycle, names
from headrace.backends.kubernetes.api import Cluster
from headrace.backends.kubernetes.manifest import manifest
from headrace.backends.kubernetes.starting import Patience
from headrace.commands import Job
from headrace.commands.job import AUTO
from headrace.config import Config
from headrace.outcome import Outcome

from tests.support.s3_server import Server

NAMESPACE = "headrace-jobs"
THREADS = """
kill -USR1 $(grep -l python /proc/[0-9]*/comm | cut -d/ -f3)
kill -QUIT $(grep -l java /proc/[0-9]*/comm | cut -d/ -f3)
"""
OURS = "app.kubernetes.io/managed-by=headrace"
Json = dict[str, Any]


@dataclass
class Ground:
    """The cluster, S3, and a project whose code is in an image on the node."""

    kubeconfig: str
    path: str
    s3: Server
    project: Path
    chart: str
    image: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of a person who works on this cluster."""
        settings = {
            "KUBECONFIG": self.kubeconfig,
            "PATH": self.path,
            "HEADRACE_HOME": str(self.project),
            "HEADRACE_ENV": "staging",
            "SPARK_OPERATOR_CHART": self.chart,
        }
        return settings | self.s3.variables

    def config(self, **kubernetes: Any) -> Config:
        """The environment's configuration, with other settings of ``kubernetes``."""
        loaded = configuration.load("staging", self.project / "conf")
        return loaded.model_copy(update={"kubernetes": loaded.kubernetes.model_copy(update=kubernetes)})

    def configure(self, **kubernetes: Any) -> None:
        """Change settings of ``kubernetes`` in the project's file, as a person would."""
        path = self.project / "conf" / "staging.yaml"
        path.write_text(with_settings(path, kubernetes=kubernetes))

    @contextmanager
    def configured(self, **kubernetes: Any) -> Iterator[None]:
        """Change such settings until the block ends."""
        path = self.project / "conf" / "staging.yaml"
        before = path.read_text()
        self.configure(**kubernetes)
        try:
            yield
        finally:
            path.write_text(before)

    def kubectl(self, *arguments: str, check: bool = True, text: str | None = None) -> str:
        done = subprocess.run(
            ["kubectl", *arguments], env=os.environ | self.variables, input=text, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0 or not check, (arguments, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def objects(self, kind: str, selector: str = "") -> list[Json]:
        chosen = ["-l", selector] if selector else []
        return list(json.loads(self.kubectl("-n", NAMESPACE, "get", kind, *chosen, "-o", "json"))["items"])

    def names(self, kind: str, selector: str = "") -> list[str]:
        return [found["metadata"]["name"] for found in self.objects(kind, selector)]

    def driver_log(self, application: Json) -> str:
        """The log of an application's driver so far; empty while it has none."""
        return self.kubectl("-n", NAMESPACE, "logs", names.driver_of(application["metadata"]["name"]), check=False)

    def seen(self) -> str:
        """The namespace's pods, its newest events, and the last lines of each driver, for the message of a failure."""
        pods = self.kubectl("-n", NAMESPACE, "get", "pods", "-o", "wide", check=False)
        events = self.kubectl("-n", NAMESPACE, "get", "events", "--sort-by=.lastTimestamp", check=False)
        drivers = self.names("pods", "spark-role=driver")
        for name in drivers:  # their threads, in their logs
            self.kubectl("-n", NAMESPACE, "exec", name, "--", "sh", "-c", THREADS, check=False)
        time.sleep(3)
        logs = [self.kubectl("-n", NAMESPACE, "logs", name, "--tail=300", check=False) for name in drivers]
        return "\n".join([pods, *events.splitlines()[-20:], *logs])

    def left(self) -> list[str]:
        """The names of what jobs left in the namespace: applications, their pods and services."""
        pods = self.names("pods", f"spark-role,{OURS}")
        services = self.names("services", "spark-app-selector")
        return [*self.names("sparkapplications", OURS), *pods, *services]

    def clear(self) -> None:
        """Delete what a test left, so that the next begins with an empty namespace."""
        self.kubectl("-n", NAMESPACE, "delete", "sparkapplications", "-l", OURS)

    def asked(self, work: Callable[[Cluster], Awaitable[Any]]) -> Any:
        """Run ``work`` with a client of the API server, and return its result."""
        return asyncio.run(self._asked(work))

    async def _asked(self, work: Callable[[Cluster], Awaitable[Any]]) -> Any:
        from kubernetes_asyncio import client
        from kubernetes_asyncio import config as kubeconfig

        async def login() -> client.Configuration:
            settings = client.Configuration()
            await kubeconfig.load_kube_config(self.kubeconfig, client_configuration=settings)
            return settings

        async with client.ApiClient(await login()) as api:
            return await work(Cluster(api, NAMESPACE, login))

    def manifest(self, name: str, file: str, *arguments: str, size: str = AUTO, **kubernetes: Any) -> Json:
        """The application that runs a file for a test called ``name``."""
        config = self.config(**kubernetes)
        return manifest(config, names.of_task("tests", name, "run", -1), Job.of_file(file, arguments, size))

    def run(
        self, application: Json, *, start_timeout: float = 120, queue_timeout: float = 120
    ) -> tuple[Outcome, list[str]]:
        """Own an application, follow it and release it, as a task does. Returns how it ended, and its lines."""
        lines: list[str] = []
        patience = Patience(queue=queue_timeout, start=start_timeout)

        async def work(cluster: Cluster) -> Outcome:
            owned = await lifecycle.own(cluster, application)
            try:
                return await follow.follow(lambda: nullcontext(cluster), owned.name, owned.uid, patience, lines.append)
            finally:
                await lifecycle.release(cluster, owned.name, owned.uid)

        return self.asked(work), lines


def with_settings(path: Path, **sections: dict[str, Any]) -> str:
    """The text of a file of settings, with other settings merged into its sections."""
    return yaml.safe_dump(configuration.merged(yaml.safe_load(path.read_text()), sections))
