"""Run a benchmark, or a part of it, in its own process, so that its memory and its JVM disturb no other one."""

from __future__ import annotations

import importlib
import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from bench.result import Result

Returned = TypeVar("Returned")


def run(module: str) -> Result:
    """Call ``run()`` of the module there, and return its result."""
    return call(_run, module)


def call(function: Callable[..., Returned], *arguments: object) -> Returned:
    """Call a function of a module there, and return what it returned."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_call, function, *arguments).result()


def _call(function: Callable[..., Returned], *arguments: object) -> Returned:
    # PySpark mistakes a process whose main module has no file for a doctest, and ends it without a message.
    sys.modules["__main__"].__file__ = __file__
    return function(*arguments)


def _run(module: str) -> Result:
    result: Result = importlib.import_module(module).run()
    return result
