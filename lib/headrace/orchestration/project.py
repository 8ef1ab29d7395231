"""The project's configuration, backend and use case. A DAG file asks for them with every task, so they are cached."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from headrace import config as configuration
from headrace import declare
from headrace.backends import Backend, backend_of
from headrace.config import Config
from headrace.declare import UseCase


@cache
def config(env: str = "") -> Config:
    """The configuration of an environment [default: HEADRACE_ENV or local]."""
    return configuration.load(env)


def backend(env: str = "") -> Backend:
    """The backend of an environment, which reaches a cluster through Airflow's connection."""
    return backend_of(config(env), _connected)


@cache
def use_case() -> UseCase:
    """What the project declares."""
    return declare.load(config().use_case)


@asynccontextmanager
async def _connected(config: Config) -> AsyncIterator[Any]:
    from headrace.orchestration.application import connected

    async with connected(config.kubernetes.conn_id, config.kubernetes.namespace) as cluster:
        yield cluster
