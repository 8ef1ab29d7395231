"""A bucket of a real S3 server, and the environment variables by which clients find it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from headrace import config as configuration
from headrace.storage import S3Path
from headrace.storage.client import client

from tests.support import PROJECT, s3_server

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONF = PROJECT / "conf"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("s3")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_server.Server]:
    """A server for the whole session. This process's variables make its clients, and its children's, use it."""
    key, secret = f"key{uuid.uuid4().hex[:12]}", f"secret{uuid.uuid4().hex}"
    with (
        s3_server.running(tmp_path_factory.mktemp("buckets"), key, secret) as started,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        for name, value in started.variables.items():
            patch.setenv(name, value)
        client.cache_clear()
        yield started
    client.cache_clear()


@pytest.fixture(scope="session")
def bucket(server: s3_server.Server) -> S3Path:
    """A bucket that is empty at the start of the session."""
    name = f"headrace-{uuid.uuid4().hex[:12]}"
    client().create_bucket(Bucket=name)
    return S3Path(name)


@pytest.fixture
def folder(bucket: S3Path) -> S3Path:
    """A folder in the bucket that no other test uses."""
    return bucket / uuid.uuid4().hex[:12]


@pytest.fixture
def through(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """A function that makes this process's client talk to another port."""

    def connect(port: int) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
        client.cache_clear()

    yield connect
    monkeypatch.undo()
    client.cache_clear()


@pytest.fixture(scope="session")
def spark(bucket: S3Path) -> Iterator[SparkSession]:
    """The Spark session of an environment that keeps its files in the bucket."""
    from headrace.session import spark_session

    session = spark_session(configuration.load("local", CONF, root=bucket), "tests in S3")
    yield session
    session.stop()
