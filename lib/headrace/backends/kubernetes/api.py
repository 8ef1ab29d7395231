"""The Kubernetes API as jobs need it: applications, pods, logs and events, as plain data.

A request is repeated while the API server is unavailable for a short time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from headrace.backends.kubernetes.manifest import GROUP, PLURAL, VERSION
from headrace.backends.kubernetes.retry import message_of, or_none, patient, status_of
from headrace.errors import ClusterRefusedError

REQUEST_SECONDS = 15
SILENCE_SECONDS = 120  # a log without lines for so long is opened again, because its connection may be dead
OPERATOR_MISSING = "the Kubeflow Spark operator is not installed: the cluster does not know SparkApplications"
DEPLOY = "Run `make deploy ENV=<environment>`"


@dataclass(frozen=True)
class Cluster:
    """One namespace of a cluster, through an open ``kubernetes_asyncio.client.ApiClient``.

    ``login`` returns a new configuration of that client, with a valid token.

    Every call about applications raises ``ClusterRefusedError`` if the Spark operator is not installed.
    """

    client: Any
    namespace: str
    login: Callable[[], Awaitable[Any]]

    @patient
    async def create(self, manifest: dict[str, Any]) -> dict[str, Any] | None:
        """Create an application and return it; None if one of its name exists."""
        from kubernetes_asyncio.client import ApiException

        try:
            created: dict[str, Any] = await self._applications("create", manifest)
        except ApiException as error:
            if error.status == 409:
                return None
            raise
        return created

    @patient
    async def application(self, name: str) -> dict[str, Any] | None:
        """The application of this name, if it exists."""
        found: dict[str, Any] | None = await or_none(self._applications("get", name))
        return found

    @patient
    async def applications(self, selector: str) -> list[dict[str, Any]]:
        """The applications whose labels a selector matches."""
        found = await self._applications("list", label_selector=selector)
        return list(found["items"])

    @patient
    async def delete(self, name: str, uid: str) -> None:
        """Delete the application with this uid, but not a later one of the same name.

        Kubernetes' garbage collection then deletes its driver and executors. The name is free once the driver is gone.
        """
        from kubernetes_asyncio.client import ApiException, V1DeleteOptions, V1Preconditions

        options = V1DeleteOptions(propagation_policy="Foreground", preconditions=V1Preconditions(uid=uid))
        try:
            await or_none(self._applications("delete", name, body=options))
        except ApiException as error:
            if error.status != 409:  # 409: the name belongs to another application by now
                raise

    @patient
    async def pod(self, name: str) -> dict[str, Any] | None:
        """The pod of this name, if it exists."""
        read = self._core.read_namespaced_pod(name, self.namespace, _request_timeout=REQUEST_SECONDS)
        found: dict[str, Any] | None = self._plain(await or_none(read))
        return found

    @patient
    async def pods(self, selector: str) -> list[dict[str, Any]]:
        """The pods whose labels a selector matches."""
        found = await self._core.list_namespaced_pod(
            self.namespace, label_selector=selector, _request_timeout=REQUEST_SECONDS
        )
        return [self._plain(pod) for pod in found.items]

    @patient
    async def events(self, name: str) -> list[dict[str, Any]]:
        """The events about the object of this name, oldest first."""
        found = await self._core.list_namespaced_event(
            self.namespace, field_selector=f"involvedObject.name={name}", _request_timeout=REQUEST_SECONDS
        )
        plain = [self._plain(event) for event in found.items]
        return sorted(plain, key=lambda e: e.get("lastTimestamp") or e["metadata"]["creationTimestamp"])

    async def log(self, pod: str) -> AsyncIterator[bytes]:
        """The lines of a pod's log as they come, each with its time before it.

        It ends when the container ends, or when the connection breaks.

        Raises:
            ClusterRefusedError: the permission ``pods/log`` is missing.
        """
        from kubernetes_asyncio.client import ApiException
        from kubernetes_asyncio.client.rest import RESTResponse

        response = await self._core.read_namespaced_pod_log(
            pod, self.namespace, follow=True, timestamps=True, _preload_content=False,
            _request_timeout=(REQUEST_SECONDS, SILENCE_SECONDS),
        )  # fmt: skip
        unfinished = b""
        try:
            if response.status >= 300:  # the body is then an error, not the log
                error = ApiException(http_resp=RESTResponse(response, await response.read()))
                raise ClusterRefusedError(message_of(error), "See docs/deploy.md") if error.status == 403 else error
            async for chunk in response.content.iter_any():  # aiohttp refuses lines longer than 64 KiB
                *lines, unfinished = (unfinished + chunk).split(b"\n")
                for line in lines:
                    yield line
            if unfinished:
                yield unfinished
        finally:
            response.close()

    async def _applications(self, verb: str, *args: Any, **options: Any) -> Any:
        """Make a request about applications.

        Raises:
            ClusterRefusedError: the Spark operator is not installed.
        """
        from kubernetes_asyncio.client import ApiException, CustomObjectsApi

        call = getattr(CustomObjectsApi(self.client), f"{verb}_namespaced_custom_object")
        try:
            return await call(
                GROUP, VERSION, self.namespace, PLURAL, *args, _request_timeout=REQUEST_SECONDS, **options
            )
        except ApiException as error:
            # Only for an unknown kind is the body not a Status in JSON, but the text "404 page not found".
            if error.status == 404 and status_of(error) is None:
                raise ClusterRefusedError(OPERATOR_MISSING, DEPLOY) from None
            raise

    @property
    def _core(self) -> Any:
        from kubernetes_asyncio.client import CoreV1Api

        return CoreV1Api(self.client)

    def _plain(self, found: Any) -> Any:
        return self.client.sanitize_for_serialization(found)
