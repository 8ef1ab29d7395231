"""How a job's process ends: its exit code says whether to try again, and its last line says why it failed."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from headrace import variables
from headrace.errors import PERMANENT, RETRYABLE, HeadraceError
from headrace.outcome import Outcome

TERMINATION_BYTES = 4000  # Kubernetes shows 4096
# S3 cannot be reached or is too busy: the messages of Spark's client, of delta-rs, and of our own code in a worker.
S3_UNAVAILABLE = re.compile(
    r"SdkClientException: Unable to execute HTTP request"
    r"|s3a\.AWS(?:NoResponse|ServiceThrottled|Status500|ApiCallTimeout)Exception"
    r"|Generic S3 error.*(?:HTTP error|status code: 5\d\d)"
    r"|headrace\.errors\.StorageError: ",
    re.DOTALL,
)


def leave_with_outcome(main: Callable[[], None]) -> None:
    """Run a job's main function and leave with its exit code: 0, 65 (permanent) or 75 (retryable).

    The last line on stderr is the reason. It also goes to the file that HEADRACE_TERMINATION_LOG names, and Kubernetes
    shows it. Any other exception is a fault of the code or of the machine: its traceback comes first. It is permanent,
    unless it says that S3 was unavailable.
    """
    try:
        main()
    except HeadraceError as error:
        outcome = Outcome.of_error(error)
        _leave(outcome.reason, outcome.code)
    except SystemExit as left:
        if left.code:
            _leave(f"the job's code left with {left.code!r}", PERMANENT)
        raise
    except Exception as fault:
        traceback.print_exc()
        code = RETRYABLE if S3_UNAVAILABLE.search(f"{type(fault).__name__}: {fault}") else PERMANENT
        _leave(f"{type(fault).__name__}: {_first_line(fault)}".rstrip(": "), code)


def _first_line(fault: Exception) -> str:
    """The most telling line: not Py4J's own first line, but the one after it, and the last cause."""
    lines = [line.strip(": ") for line in str(fault).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("An error occurred while calling")]
    causes = [line for line in lines if line.startswith("Caused by: ")]
    return " ".join(line[:500] for line in [*(telling or lines)[:1], *causes[-1:]])


def _leave(reason: str, code: int) -> None:
    """End the process. Neither a full disk nor a dead JVM may hide the reason."""
    log = os.environ.get(variables.TERMINATION_LOG)
    if log:
        with contextlib.suppress(OSError):
            shown = reason.encode()[:TERMINATION_BYTES].decode(errors="ignore")  # drops half a character at the end
            Path(log).write_text(shown + "\n", encoding="utf-8")
    sys.stdout.flush()
    with contextlib.suppress(Exception):
        _stop_spark()  # before the last line, because its shutdown may write to stderr
    _print_reason(reason)
    sys.exit(code)


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
