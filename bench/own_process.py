"""Run a benchmark in its own process, so that its memory and its JVM do not disturb the next benchmark."""

from __future__ import annotations

import importlib
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from bench.result import Result


def run(module: str) -> Result:
    """Call ``run()`` of the module there, and return its result."""
    result: Result = call(module, "run")
    return result


def call(module: str, function: str, *arguments: object) -> Any:
    """Call a function of the module in a process of its own, and return what it returns."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_call, module, function, *arguments).result()


def _call(module: str, function: str, *arguments: object) -> Any:
    # PySpark mistakes a process whose main module has no file for a doctest, and ends it without a message.
    sys.modules["__main__"].__file__ = __file__
    return getattr(importlib.import_module(module), function)(*arguments)
