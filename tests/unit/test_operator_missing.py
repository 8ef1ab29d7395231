"""A cluster without the Spark operator: its API server does not know SparkApplications."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from headrace.backends.kubernetes.api import Cluster
from headrace.errors import ClusterRefusedError

# What API server 1.34 answers, for an unknown kind and for an application that does not exist.
UNKNOWN_KIND = "404 page not found\n"
NO_SUCH_APPLICATION = json.dumps({
    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound", "code": 404,
    "message": 'sparkapplications.sparkoperator.k8s.io "x" not found',
    "details": {"name": "x", "group": "sparkoperator.k8s.io", "kind": "sparkapplications"},
})  # fmt: skip
Request = Callable[[Cluster], Awaitable[Any]]


@contextmanager
def api_server(body: str) -> Iterator[str]:
    """An API server that answers each request with 404 and this body."""

    class NotFound(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), NotFound)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def answer(body: str, request: Request) -> Any:
    """What a request to such a server returns."""

    async def ask(address: str) -> Any:
        from kubernetes_asyncio import client

        async def login() -> client.Configuration:
            return client.Configuration(host=address)

        async with client.ApiClient(await login()) as api:
            return await request(Cluster(api, "jobs", login))

    with api_server(body) as address:
        return asyncio.run(ask(address))


@pytest.mark.parametrize(
    "request_",
    [
        lambda cluster: cluster.create({"metadata": {"name": "x"}}),
        lambda cluster: cluster.application("x"),
        lambda cluster: cluster.applications("a=b"),
        lambda cluster: cluster.delete("x", "uid"),
    ],
    ids=["create", "get", "list", "delete"],
)
def test_a_cluster_without_the_operator_is_named_as_the_reason(request_: Request) -> None:
    with pytest.raises(ClusterRefusedError) as refused:
        answer(UNKNOWN_KIND, request_)
    assert str(refused.value) == (
        "the Kubeflow Spark operator is not installed: the cluster does not know SparkApplications."
        " Run `make deploy ENV=<environment>`"
    )


def test_a_missing_application_is_not_a_missing_operator() -> None:
    assert answer(NO_SUCH_APPLICATION, lambda cluster: cluster.application("x")) is None
    assert answer(NO_SUCH_APPLICATION, lambda cluster: cluster.delete("x", "uid")) is None


def test_a_missing_pod_is_not_a_missing_operator() -> None:
    assert answer(NO_SUCH_APPLICATION, lambda cluster: cluster.pod("x")) is None


def test_a_missing_namespace_is_reported_as_such() -> None:
    body = json.dumps({"kind": "Status", "code": 404, "message": 'namespaces "jobs" not found'})
    with pytest.raises(
        ClusterRefusedError, match='the Kubernetes API refuses the request: namespaces "jobs" not found'
    ):
        answer(body, lambda cluster: cluster.create({"metadata": {"name": "x"}}))
