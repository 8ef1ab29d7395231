"""How a request to the Kubernetes API is repeated, and what its errors mean."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from headrace.errors import ClusterError, ClusterRefusedError, NotPermittedError

if TYPE_CHECKING:
    from headrace.backends.kubernetes.api import Cluster

PATIENCE_SECONDS = 120  # how long a request is repeated
PAUSE_SECONDS = 2.0
QUOTA = "quota: "  # in the message of a refusal because a quota is full, or is not counted yet
P = ParamSpec("P")
R = TypeVar("R")


def patient(
    call: Callable[Concatenate[Cluster, P], Awaitable[R]],
) -> Callable[Concatenate[Cluster, P], Coroutine[Any, Any, R]]:
    """Repeat a request while the API server is unavailable or too busy, or the namespace's quota is full.

    After a 401 the request is repeated once with a new login. A login that fails is repeated like a request.

    Raises:
        ClusterError: the request or the login kept failing for two minutes.
        NotPermittedError: a permission is missing, or the account is unknown.
        ClusterRefusedError: the API server refuses it for another reason, for example an invalid object.
    """

    @functools.wraps(call)
    async def repeated(cluster: Cluster, /, *args: P.args, **kwargs: P.kwargs) -> R:
        from kubernetes_asyncio.client import ApiException

        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        renewed = False
        while True:
            try:
                return await call(cluster, *args, **kwargs)
            except ApiException as error:
                if error.status == 409:
                    raise
                if error.status == 401 and not renewed:  # an expired token: a cloud's tokens last minutes
                    failure: object = await _login_again(cluster)
                    if failure is None:
                        renewed = True
                        continue
                elif 400 <= error.status < 500 and error.status != 429 and QUOTA not in str(error.body):
                    refusal = NotPermittedError if error.status in (401, 403) else ClusterRefusedError
                    what = f"the Kubernetes API refuses the request: {message_of(error)}"
                    raise refusal(what, "See docs/deploy.md") from None
                else:
                    failure = message_of(error)
            except unavailable() as away:
                failure = away
            if asyncio.get_running_loop().time() > deadline:
                raise ClusterError(f"Kubernetes API request failed: {failure}", "Try again later") from None
            await asyncio.sleep(PAUSE_SECONDS)

    return repeated


def unavailable() -> tuple[type[Exception], ...]:
    """The exceptions of a server that cannot be reached, and of a token that is being renewed."""
    from aiohttp import ClientError
    from kubernetes_asyncio.client import ApiException
    from kubernetes_asyncio.config import ConfigException

    return TimeoutError, ClientError, OSError, ApiException, ConfigException


async def logged_in(login: Callable[[], Awaitable[R]]) -> R:
    """What a login returns.

    Raises:
        ClusterError: it failed. A plugin, a file or a cloud's service may be the cause, each with its own exceptions.
    """
    try:
        return await login()
    except Exception as failure:
        what = f"the login to the cluster failed: {type(failure).__name__}: {failure}"
        raise ClusterError(what, "Check KUBECONFIG or Airflow's connection, and try again") from failure


async def _login_again(cluster: Cluster) -> ClusterError | None:
    """Give the client a new token. Returns what went wrong."""
    try:
        cluster.client.configuration = await logged_in(cluster.login)
    except ClusterError as failure:
        return failure
    return None


async def or_none(request: Awaitable[Any]) -> Any:
    """The answer to a request; None if the object does not exist."""
    from kubernetes_asyncio.client import ApiException

    try:
        return await request
    except ApiException as error:
        if error.status == 404:
            return None
        raise


def message_of(error: Any) -> str:
    """What the API server says about an error."""
    status = status_of(error) or {}
    return str(status.get("message") or f"{error.status} {error.reason}")


def status_of(error: Any) -> dict[str, Any] | None:
    """The ``Status`` object that the API server sends with an error; None if the body is something else."""
    try:
        found = json.loads(error.body)
    except (ValueError, TypeError):
        return None
    return found if isinstance(found, dict) else None
