"""What an exception that is not ours means: which errors of a use case, of Spark and of S3 have a code of their own.

Lost JVMs, a full disk, and all that nobody foresaw have no meaning here. They stay as they are.
"""

from __future__ import annotations

import errno
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from headrace import errors
from headrace.errors import (
    BadInputError,
    HeadraceError,
    LostRowsError,
    OutOfMemoryError,
    QueryError,
    StorageError,
    StorageRefusedError,
    UseCaseError,
)
from headrace.shortage import shortage_in, shortage_of

# S3 cannot be reached or is too busy: the messages of Spark's client and of delta-rs.
S3_UNAVAILABLE = re.compile(
    r"SdkClientException: Unable to execute HTTP request"
    r"|s3a\.AWS(?:NoResponse|ServiceThrottled|Status500|ApiCallTimeout)Exception"
    r"|Generic S3 error.*(?:HTTP error|status code: 5\d\d)",
    re.DOTALL,
)
S3_REFUSED = re.compile(
    r"AccessDeniedException: s3a://|Unable to load credentials|Generic S3 error.*status code: 403", re.DOTALL
)
# A process, an executor or the JVM is gone, or there is no room: the same code may succeed on another machine.
LOST = re.compile(
    r"Py4JNetworkError|Answer from Java side is empty|SparkContext was (?:stopped|shut)"
    r"|ExecutorLostFailure|FetchFailed|worker exited unexpectedly|No space left on device|Connection (?:refused|reset)"
)
LOST_ROWS = "[CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND]"  # of rows that an executor kept on its disk
# Which file Spark was reading, and what Java says of a file that ends too early or has wrong bytes.
READING = re.compile(r"FAILED_READ_FILE[.\w]*\] Encountered error while reading file (\S+?)\.(?:\s|$)")
DAMAGED = re.compile(
    r"EOFException: Unexpected end[^\n]*|ZipException: [^\n]*|IOException: (?:incorrect|not a gzip)[^\n]*"
)
MAX_CAUSES = 20
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO)
OURS = re.compile(r"\bheadrace\.errors\.(\w+): (.*)")  # as a Python worker's traceback names it
WORKER_FRAME = re.compile(r'^ *File "([^"]+)", line (\d+), in (\S+)', re.MULTILINE)
RAISED = re.compile(r"^([A-Za-z_][\w.]*(?:: .*)?)$", re.MULTILINE)  # the line below a traceback
SPARK = ("pyspark.", "py4j.")
BAD_VALUE = re.compile(r"SQLSTATE: 22")  # the SQL standard's class of data exceptions


class Where(NamedTuple):
    """A line of code: the dotted name of its module, its number, its function."""

    module: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.module}, line {self.line}, in {self.function}"


@contextmanager
def translated(package: str = "") -> Iterator[None]:
    """Raise the errors in the block that have a known meaning as ours, with the original as their cause.

    Args:
        package: the use case's package; errors in its code are permanent.

    Raises:
        UseCaseError: the use case's code raised, in this process or in a worker of Spark.
        QueryError: Spark refuses a query.
        StorageError, StorageRefusedError: S3 is unavailable, or refuses a request.
        LostRowsError: rows were lost with an executor.
        BadInputError: a file is truncated or corrupt.
        OutOfMemoryError: memory ran out, in this process, in the JVM or in a worker. It names no setting.
        HeadraceError: the error of ours that a worker raised.
    """
    try:
        yield
    except HeadraceError:
        raise
    except Exception as fault:
        known = meaning(fault, package)
        if known is None:
            raise
        raise known from fault


def meaning(fault: Exception, package: str = "") -> HeadraceError | None:
    """The error of ours that ``fault`` amounts to; None if nobody foresaw it. See ``translated``."""
    text = f"{type(fault).__name__}: {fault}"
    known = _of_worker(text) or _of_service(fault, text) or _of_memory(fault) or _of_file(fault, text)
    if known is not None or _machine_failed(fault, text):
        return known
    if package and (where := _line_of(fault, package) or _line_in_worker(text, package)):
        return UseCaseError(f"{where}: {_raised(fault)}", f"Correct {where.module}")
    if _is_query(fault) or BAD_VALUE.search(text):
        refused = f"Spark refuses a query of {_line_of(fault)}: {summary(fault)}"
        return QueryError(refused, "Correct the query or its input")
    return None


def raise_of_machine(text: str) -> None:
    """Raise the error that the text of an error means, if a machine or a service failed and not the query.

    Whoever takes errors of a query for its result must let these pass.

    Raises:
        StorageError, StorageRefusedError: S3 is unavailable, or refuses a request.
        LostRowsError: rows were lost with an executor.
        OutOfMemoryError: memory ran out.
        RuntimeError: a process is gone, or there is no room.
    """
    fault = RuntimeError(text)
    if known := _of_service(fault, text):
        raise known
    if shortage_in(text):
        raise OutOfMemoryError(text)
    if LOST.search(text):
        raise fault


def summary(fault: Exception) -> str:
    """The type of an error and its most telling line: not Py4J's own first line, but the next, and the last cause."""
    lines = [line.strip(": ") for line in str(fault).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("An error occurred while calling")]
    causes = [line for line in lines if line.startswith("Caused by: ")]
    shown = " ".join(line[:500] for line in [*(telling or lines)[:1], *causes[-1:]])
    return f"{type(fault).__name__}: {shown}".rstrip(": ")


def _of_worker(text: str) -> HeadraceError | None:
    """Our own error in the text of a worker's traceback."""
    for name, what in reversed(OURS.findall(text)):
        kind = getattr(errors, name, None)
        if isinstance(kind, type) and issubclass(kind, HeadraceError):
            return kind(what)
    return None


def _of_service(fault: Exception, text: str) -> HeadraceError | None:
    """A lost executor, or what Spark's client and delta-rs say about S3. Errors of our own client are ours already."""
    if LOST_ROWS in text:
        return LostRowsError("rows that were computed once are lost with their executor", "Try again")
    if S3_UNAVAILABLE.search(text):
        return StorageError(f"S3 is unavailable: {summary(fault)}", "Try again once S3 answers")
    if S3_REFUSED.search(text):
        return StorageRefusedError(f"S3 refuses a request: {summary(fault)}", "Check the key and its permissions")
    return None


def _of_memory(fault: Exception) -> OutOfMemoryError | None:
    short = shortage_of(fault)
    return OutOfMemoryError(f"memory ran out: {short.said}") if short else None


def _of_file(fault: Exception, text: str) -> BadInputError | None:
    """A file that Spark cannot read to its end, because it is cut off or damaged."""
    file = READING.search(text)
    if file is None or not (why := DAMAGED.search(f"{text} {_java_causes(fault)}")):
        return None
    return BadInputError(f"{file[1]} is truncated or corrupt ({why[0]})", "Deliver it again, or restore it")


def _java_causes(fault: Exception) -> str:
    """The errors in the JVM that led to an error of Spark; PySpark's own text has only the last one."""
    throwable: Any = getattr(fault, "java_exception", None) or getattr(fault, "_origin", None)
    causes: list[str] = []
    with suppress(Exception):  # the JVM may be gone
        while throwable is not None and len(causes) < MAX_CAUSES:
            causes.append(str(throwable.toString()))
            throwable = throwable.getCause()
    return "\n".join(causes)


def _machine_failed(fault: Exception, text: str) -> bool:
    is_full = isinstance(fault, OSError) and fault.errno in NO_ROOM
    return is_full or isinstance(fault, (ConnectionError, TimeoutError)) or bool(LOST.search(text))


def _is_query(fault: Exception) -> bool:
    if "pyspark" not in sys.modules:
        return False
    from pyspark.errors import AnalysisException

    return isinstance(fault, AnalysisException)  # ParseException is one of them


def _line_of(fault: Exception, package: str = "") -> Where | None:
    """The innermost line of a package that the error passed; by default, of any code but Spark's."""
    found = None
    for frame, line in traceback.walk_tb(fault.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if f"{module}.".startswith(f"{package}.") if package else not module.startswith(SPARK):
            found = Where(module, line, frame.f_code.co_qualname)
    return found


def _line_in_worker(text: str, package: str) -> Where | None:
    """The innermost line of a package in the traceback of a Python worker, which arrives as text and names files."""
    folder, found = f"/{package.replace('.', '/')}/", None
    for file, line, function in WORKER_FRAME.findall(text):
        if folder in file:
            module = file[file.rindex(folder) + 1 :].removesuffix(".py").removesuffix("/__init__")
            found = Where(module.replace("/", "."), int(line), function)
    return found


def _raised(fault: Exception) -> str:
    """What was raised: in a worker, the line below its last traceback."""
    _, in_worker, trace = str(fault).rpartition("Traceback (most recent call last):")
    line = RAISED.search(trace) if in_worker else None
    return line[0] if line else summary(fault)
