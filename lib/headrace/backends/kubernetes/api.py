"""What we ask the API server: applications, pods, logs, events; as plain data, and patient with its short absences."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from headrace.backends.kubernetes.manifest import GROUP, PLURAL, VERSION
from headrace.errors import ClusterError, ClusterRefusedError

PATIENCE_SECONDS = 120  # of an API server that does not answer
PAUSE_SECONDS = 2.0
QUOTA = "quota: "  # full, or not counted yet
REQUEST_SECONDS = 15
SILENCE_SECONDS = 120  # of a driver: its log is then asked for anew, as a connection may end without a word
P = ParamSpec("P")
R = TypeVar("R")


def patient(
    call: Callable[Concatenate[Cluster, P], Awaitable[R]],
) -> Callable[Concatenate[Cluster, P], Coroutine[Any, Any, R]]:
    """Ask again while the API server is away or too busy, or the namespace's quota is full, or with a new login, once.

    Raises:
        ClusterError: it was so for two minutes.
        ClusterRefusedError: it refuses: whoever asks lacks a right, or the object is not as it must be.
    """

    @functools.wraps(call)
    async def asked(cluster: Cluster, /, *args: P.args, **kwargs: P.kwargs) -> R:
        from aiohttp import ClientError
        from kubernetes_asyncio.client import ApiException

        until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        renewed = False
        while True:
            try:
                return await call(cluster, *args, **kwargs)
            except ApiException as error:
                if error.status == 401 and not renewed:  # a token that ended: those of clouds last minutes
                    cluster.client.configuration, renewed = await cluster.login(), True
                    continue
                if error.status == 409:
                    raise
                if 400 <= error.status < 500 and error.status != 429 and QUOTA not in str(error.body):
                    raise ClusterRefusedError(f"the cluster refuses: {_said(error)}", "See docs/deploy.md") from None
                failure: object = _said(error)
            except (TimeoutError, ClientError, OSError) as away:
                failure = away
            if asyncio.get_running_loop().time() > until:
                raise ClusterError(f"the cluster does not do it: {failure}", "Try again once it can") from None
            await asyncio.sleep(PAUSE_SECONDS)

    return asked


@dataclass(frozen=True)
class Cluster:
    """One namespace of a cluster, through an open ``kubernetes_asyncio.client.ApiClient``.

    ``login`` returns that client's configuration anew, with a token that is valid.
    """

    client: Any
    namespace: str
    login: Callable[[], Awaitable[Any]]

    @patient
    async def create(self, manifest: dict[str, Any]) -> dict[str, Any] | None:
        """Make an application and return it; None where one of its name is there."""
        from kubernetes_asyncio.client import ApiException

        try:
            made: dict[str, Any] = await self._objects.create_namespaced_custom_object(
                GROUP, VERSION, self.namespace, PLURAL, manifest, _request_timeout=REQUEST_SECONDS
            )
        except ApiException as error:
            if error.status == 409:
                return None
            raise
        return made

    @patient
    async def application(self, name: str) -> dict[str, Any] | None:
        get = self._objects.get_namespaced_custom_object
        found: dict[str, Any] | None = await self._found(get, GROUP, VERSION, self.namespace, PLURAL, name)
        return found

    @patient
    async def applications(self, selector: str) -> list[dict[str, Any]]:
        found = await self._objects.list_namespaced_custom_object(
            GROUP, VERSION, self.namespace, PLURAL, label_selector=selector, _request_timeout=REQUEST_SECONDS
        )
        return list(found["items"])

    @patient
    async def delete(self, name: str, uid: str) -> None:
        """Delete this very application, not another that has its name by now; Kubernetes' own garbage collection then
        deletes its driver and executors. The name is free once the driver is gone."""
        from kubernetes_asyncio.client import ApiException, V1DeleteOptions, V1Preconditions

        options = V1DeleteOptions(propagation_policy="Foreground", preconditions=V1Preconditions(uid=uid))
        call = self._objects.delete_namespaced_custom_object
        try:
            await self._found(call, GROUP, VERSION, self.namespace, PLURAL, name, body=options)
        except ApiException as error:
            if error.status != 409:  # it is another's
                raise

    @patient
    async def pod(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._plain(
            await self._found(self._core.read_namespaced_pod, name, self.namespace)
        )
        return found

    @patient
    async def pods(self, selector: str) -> list[dict[str, Any]]:
        found = await self._core.list_namespaced_pod(
            self.namespace, label_selector=selector, _request_timeout=REQUEST_SECONDS
        )
        return [self._plain(pod) for pod in found.items]

    @patient
    async def events(self, name: str) -> list[dict[str, Any]]:
        """The events about an object, the oldest first."""
        found = await self._core.list_namespaced_event(
            self.namespace, field_selector=f"involvedObject.name={name}", _request_timeout=REQUEST_SECONDS
        )
        plain = [self._plain(event) for event in found.items]
        return sorted(plain, key=lambda e: e.get("lastTimestamp") or e["metadata"]["creationTimestamp"])

    async def log(self, pod: str) -> AsyncIterator[bytes]:
        """The lines of a pod's log as they come, each with its time before it; ends as the container ends, or where
        the connection breaks.

        Raises:
            ClusterRefusedError: whoever asks lacks the right.
        """
        from kubernetes_asyncio.client import ApiException
        from kubernetes_asyncio.client.rest import RESTResponse

        response = await self._core.read_namespaced_pod_log(
            pod, self.namespace, follow=True, timestamps=True, _preload_content=False,
            _request_timeout=(REQUEST_SECONDS, SILENCE_SECONDS),
        )  # fmt: skip
        held = b""
        try:
            if response.status >= 300:  # else its words would be taken for the pod's
                error = ApiException(http_resp=RESTResponse(response, await response.read()))
                raise ClusterRefusedError(_said(error), "See docs/deploy.md") if error.status == 403 else error
            async for chunk in response.content.iter_any():  # aiohttp's own lines may not be longer than 64 KiB
                *lines, held = (held + chunk).split(b"\n")
                for line in lines:
                    yield line
            if held:
                yield held
        finally:
            response.close()

    @property
    def _objects(self) -> Any:
        from kubernetes_asyncio.client import CustomObjectsApi

        return CustomObjectsApi(self.client)

    @property
    def _core(self) -> Any:
        from kubernetes_asyncio.client import CoreV1Api

        return CoreV1Api(self.client)

    async def _found(self, call: Callable[..., Awaitable[Any]], *args: Any, **options: Any) -> Any:
        from kubernetes_asyncio.client import ApiException

        try:
            return await call(*args, **options, _request_timeout=REQUEST_SECONDS)
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def _plain(self, found: Any) -> Any:
        return self.client.sanitize_for_serialization(found)


def _said(error: Any) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"
