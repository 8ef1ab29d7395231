"""How a job's process ends: its exit code says whether to try again, and its last line says why it failed."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from headrace import faults, variables
from headrace.best_effort import BestEffort
from headrace.config import Config, ConfigSource
from headrace.errors import PERMANENT, UNEXPECTED, HeadraceError, OutOfMemoryError
from headrace.outcome import Outcome
from headrace.stages.memory_errors import memory_errors

TERMINATION_BYTES = 4000  # Kubernetes shows 4096


def leave_with_outcome(main: Callable[[], None]) -> None:
    """Run a job's main function and leave with its exit code: 0, or one of those in ``errors``.

    The last line on stderr is the reason. It also goes to the file that HEADRACE_TERMINATION_LOG names, and Kubernetes
    shows it. An error that another one caused comes with the traceback of that one. If memory ran out, these are only
    Python's lines, because Java's long trace says nothing more. An error without a known meaning is
    a fault of our code or of the machine: its traceback comes first, and it is unexpected.

    Meanwhile ``kill -USR1`` makes the process print where each of its threads is, for whoever wonders why a job is
    silent.
    """
    faulthandler.register(signal.SIGUSR1)
    try:
        with _memory_errors(), faults.translated():
            main()
    except HeadraceError as error:
        if error.__cause__ is not None and isinstance(error, OutOfMemoryError):
            _print_lines(error.__cause__)
        elif error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        outcome = Outcome.of_error(error)
        _leave(outcome.reason, outcome.code)
    except SystemExit as left:
        if left.code:
            _leave(f"the job's code left with {left.code!r}", PERMANENT)
        raise
    except Exception as fault:
        traceback.print_exc()
        _leave(faults.summary(fault), UNEXPECTED)
    _flush()


def _print_lines(fault: BaseException) -> None:
    """Print the lines of code that an error passed, except for Spark's."""
    passed = traceback.extract_tb(fault.__traceback__)
    shown = traceback.format_list([line for line in passed if "/pyspark/" not in line.filename])
    print("".join(shown), end="", file=sys.stderr)


def _memory_errors() -> AbstractContextManager[None]:
    """For a PySpark file that is not a stage: its environment's settings, and its name."""

    def config() -> Config:
        return ConfigSource.from_argv(sys.argv[1:])[0].load()

    file = Path(sys.argv[0])
    return memory_errors(config, file.stem, file.name)


def _leave(reason: str, code: int) -> None:
    """End the process. Neither a full disk nor a dead JVM may hide the reason."""
    log = os.environ.get(variables.TERMINATION_LOG)
    if log:
        with BestEffort("the reason that Kubernetes shows"):
            shown = reason.encode()[:TERMINATION_BYTES].decode(errors="ignore")  # drops half a character at the end
            Path(log).write_text(shown + "\n", encoding="utf-8")
    _flush()
    with contextlib.suppress(Exception):
        _stop_spark()  # before the last line, because its shutdown may write to stderr
    _print_reason(reason)
    sys.exit(code)


def _flush() -> None:
    """Write out what was printed. If that fails, Python would end with 120: what is left goes nowhere instead."""
    try:
        sys.stdout.flush()
    except OSError:  # a full disk, or nobody reads any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_reason(reason: str) -> None:
    """Print the reason on stderr: on the stderr of spark-submit's JVM if it runs, which sends ours to its stdout."""
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        with contextlib.suppress(Exception):
            from pyspark import SparkContext

            SparkContext._ensure_initialized()
            SparkContext._jvm.java.lang.System.err.println(reason)  # type: ignore[union-attr]
            return
    print(reason, file=sys.stderr, flush=True)


def _stop_spark() -> None:
    if "pyspark" not in sys.modules:
        return
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is not None:
        session.stop()
