"""The project's configuration and use case, read once in each process: a DAG file asks for them with every task."""

from __future__ import annotations

from functools import cache

from headrace import config as configuration
from headrace import declare
from headrace.config import Config
from headrace.declare import UseCase


@cache
def config(env: str = "") -> Config:
    """The configuration of an environment [default: HEADRACE_ENV, or local]."""
    return configuration.load(env)


@cache
def use_case() -> UseCase:
    """What the project declares."""
    return declare.load(config().use_case)
