"""Which application a task joins, and logins to the cluster that fail."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from headrace.backends.kubernetes import lifecycle, retry
from headrace.backends.kubernetes.manifest import CLEARS, DIGEST
from headrace.errors import ClusterError
from kubernetes_asyncio.client import ApiException


class Expired:
    """A client whose token has expired. The first logins fail."""

    def __init__(self, failures: int) -> None:
        self.failures, self.client, self.requests = failures, SimpleNamespace(configuration="old"), 0

    async def login(self) -> str:
        if self.failures:
            self.failures -= 1
            raise FileNotFoundError("the cloud's plugin is being updated")
        return "new"

    @retry.patient
    async def ask(self) -> str:
        self.requests += 1
        if self.client.configuration == "old":
            raise ApiException(status=401, reason="Unauthorized")
        return "answer"


def test_a_login_that_fails_is_tried_again_like_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSE_SECONDS", 0.01)
    cluster = Expired(failures=3)
    assert asyncio.run(cluster.ask()) == "answer"  # type: ignore[arg-type]
    assert cluster.requests == 5


def test_a_login_that_keeps_failing_is_told_and_the_job_may_be_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(retry, "PATIENCE_SECONDS", 0.1)
    with pytest.raises(ClusterError, match="the login to the cluster failed: FileNotFoundError: the cloud's plugin"):
        asyncio.run(Expired(failures=1000).ask())  # type: ignore[arg-type]


class Holding:
    """A cluster with an application, for the tries of a task that was cleared so often."""

    def __init__(self, clears: str | None, state: str) -> None:
        annotations = {DIGEST: "d"} | ({CLEARS: clears} if clears else {})
        self.held: Any = {
            "metadata": {"name": "a", "uid": "old", "annotations": annotations},
            "status": {"applicationState": {"state": state}},
        }

    async def application(self, _: str) -> Any:
        return self.held

    async def pod(self, _: str) -> Any:
        return None

    async def delete(self, _name: str, _uid: str) -> None:
        self.held = None

    async def create(self, manifest: Any) -> Any:
        self.held = {"metadata": {**manifest["metadata"], "uid": "new"}}
        return self.held


@pytest.mark.parametrize(
    ("state", "before", "now", "uid"),
    [
        ("COMPLETED", "4", "4", "old"),  # the next try
        ("COMPLETED", "4", "9", "new"),  # a person cleared the task
        ("COMPLETED", None, None, "new"),  # by hand
        ("FAILED", "4", "4", "new"),
        ("RUNNING", "4", "4", "old"),
        ("RUNNING", None, None, "old"),
        ("RUNNING", "4", "9", "new"),
    ],
)
def test_an_application_is_joined_by_the_tries_that_it_belongs_to(
    state: str, before: str | None, now: str | None, uid: str
) -> None:
    described = {"metadata": {"name": "a", "annotations": {DIGEST: "d"} | ({CLEARS: now} if now else {})}}
    assert asyncio.run(lifecycle.own(Holding(before, state), described)).uid == uid  # type: ignore[arg-type]
