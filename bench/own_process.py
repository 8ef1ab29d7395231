"""Run a benchmark in a process that ends with it, so that its memory and its JVM do not disturb the next."""

from __future__ import annotations

import importlib
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

from bench.result import Result


def run(module: str) -> Result:
    """What ``run()`` of the module returns."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_run, module).result()


def _run(module: str) -> Result:
    # PySpark takes a process whose main module has no file for one of doctests, and ends it without a word.
    sys.modules["__main__"].__file__ = __file__
    result: Result = importlib.import_module(module).run()
    return result
