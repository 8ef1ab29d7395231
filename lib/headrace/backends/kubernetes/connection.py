"""A connection to the cluster with the credentials of this machine: KUBECONFIG, or the pod's own account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from headrace.backends.kubernetes.api import Cluster
from headrace.backends.kubernetes.retry import logged_in
from headrace.config import Config


@asynccontextmanager
async def connected(config: Config) -> AsyncIterator[Cluster]:
    """The namespace of jobs.

    Raises:
        ClusterError: the login failed.
    """
    from kubernetes_asyncio import client

    async with client.ApiClient(await logged_in(_login)) as api:
        yield Cluster(api, config.kubernetes.namespace, _login)


async def _login() -> Any:
    from kubernetes_asyncio import client
    from kubernetes_asyncio import config as kubeconfig

    settings = client.Configuration()
    await kubeconfig.load_config(client_configuration=settings)
    return settings
