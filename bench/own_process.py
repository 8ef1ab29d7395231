"""Run a benchmark in its own process, so that its memory and its JVM do not disturb the next benchmark."""

from __future__ import annotations

import importlib
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

from bench.result import Result


def run(module: str) -> Result:
    """Call ``run()`` of the module there, and return its result."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_run, module).result()


def _run(module: str) -> Result:
    # PySpark mistakes a process whose main module has no file for a doctest, and ends it without a message.
    sys.modules["__main__"].__file__ = __file__
    result: Result = importlib.import_module(module).run()
    return result
