"""A job on the cluster from a terminal: its lines as they come, its exit code, and nothing left of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import yaml

from headrace.cluster import follow, names, owner
from headrace.cluster.api import Cluster
from headrace.cluster.manifest import manifest
from headrace.cluster.owner import Owned
from headrace.cluster.sizes import AUTO, size_of
from headrace.config import Config
from headrace.ended import Ended
from headrace.errors import HeadraceError


def run(config: Config, file: str, arguments: Sequence[str], *, size: str = AUTO, print_only: bool = False) -> int:
    """Run the job and return its exit code, or only print the application as YAML, to be applied with kubectl.

    The cluster is that of KUBECONFIG, or of the pod that this runs in. The same command again joins what runs already,
    and does again what has ended.
    """
    made = manifest(config, names.by_hand(file, arguments), file, arguments, size_of(config, file, arguments, size))
    if print_only:
        print(yaml.safe_dump(made, sort_keys=False, width=120), end="")
        return 0
    ended = asyncio.run(_run(config, made))
    if ended.code:
        print(ended.reason, file=sys.stderr, flush=True)
    return ended.code


async def _run(config: Config, made: dict[str, Any]) -> Ended:
    from kubernetes_asyncio import client

    async with client.ApiClient(await _login()) as api:
        cluster = Cluster(api, config.kubernetes.namespace, _login)
        owned = await owner.own(cluster, made, again=True)
        pod = names.driver_of(owned.name)
        print(f"application {owned.name}{' goes on' if owned.joined else ''}; its driver is the pod {pod}", flush=True)
        try:
            return await follow.follow(cluster, owned.name, owned.uid, config.kubernetes.start_timeout_seconds, _say)
        finally:
            await _release(cluster, owned)


async def _release(cluster: Cluster, owned: Owned) -> None:
    """How the job ended matters more than what stays of it."""
    try:
        await owner.release(cluster, owned.name, owned.uid)
    except HeadraceError as stays:
        _say(f"not cleared away: {stays}")


async def _login() -> Any:
    from kubernetes_asyncio import client
    from kubernetes_asyncio import config as kubeconfig

    settings = client.Configuration()
    await kubeconfig.load_config(client_configuration=settings)
    return settings


def _say(line: str) -> None:
    print(line, flush=True)
