"""What the tests on a cluster stand on: the cluster itself, a real S3 server beside it, and a project of their own.

The cluster is the one that `$HEADRACE_SHARED/cluster` starts, and never kubectl's current context: tests delete things.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from headrace import config as configuration
from headrace.cluster import follow, names, owner
from headrace.cluster.api import Cluster
from headrace.cluster.manifest import manifest
from headrace.cluster.sizes import AUTO, size_of
from headrace.config import Config
from headrace.ended import Ended
from server import Server

NAMESPACE = "headrace-jobs"
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
        """The environment of whoever works on this cluster."""
        own = {
            "KUBECONFIG": self.kubeconfig,
            "PATH": self.path,
            "HEADRACE_HOME": str(self.project),
            "HEADRACE_ENV": "staging",
            "SPARK_OPERATOR_CHART": self.chart,
        }
        return own | self.s3.variables

    def config(self, **kubernetes: Any) -> Config:
        """The environment's configuration, with other settings of its cluster."""
        loaded = configuration.load("staging", self.project / "conf")
        return loaded.model_copy(update={"kubernetes": loaded.kubernetes.model_copy(update=kubernetes)})

    def configure(self, **kubernetes: Any) -> None:
        """Change settings of the environment's cluster in the project's own file, as a person would."""
        path = self.project / "conf" / "staging.yaml"
        path.write_text(with_settings(path, kubernetes=kubernetes))

    @contextmanager
    def configured(self, **kubernetes: Any) -> Iterator[None]:
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
        return [each["metadata"]["name"] for each in self.objects(kind, selector)]

    def driver_log(self, made: Json) -> str:
        """What the driver of an application has said so far."""
        return self.kubectl("-n", NAMESPACE, "logs", names.driver_of(made["metadata"]["name"]), check=False)

    def left(self) -> list[str]:
        """What is left of jobs in the namespace: applications, their pods, services and settings."""
        pods = self.names("pods", f"spark-role,{OURS}")
        services = self.names("services", "spark-app-selector")
        return [*self.names("sparkapplications", OURS), *pods, *services]

    def clear(self) -> None:
        """Delete what a test left, for the next to begin with nothing."""
        self.kubectl("-n", NAMESPACE, "delete", "sparkapplications", "-l", OURS)

    def asked(self, work: Callable[[Cluster], Awaitable[Any]]) -> Any:
        """The answer of something asked of the API server."""
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
        given = size_of(config, file, arguments, size)
        return manifest(config, names.of_task("tests", name, "run", -1), file, arguments, given)

    def run(self, made: Json, *, start_timeout: float = 120) -> tuple[Ended, list[str]]:
        """Own it, follow it to its end and release it, as a task does; returns how it ended, and its lines."""
        lines: list[str] = []

        async def work(cluster: Cluster) -> Ended:
            owned = await owner.own(cluster, made)
            try:
                return await follow.follow(cluster, owned.name, owned.uid, start_timeout, lines.append)
            finally:
                await owner.release(cluster, owned.name, owned.uid)

        return self.asked(work), lines


def with_settings(path: Path, **sections: dict[str, Any]) -> str:
    """A file of settings, with others in some of its sections."""
    return yaml.safe_dump(configuration.merged(yaml.safe_load(path.read_text()), sections))
