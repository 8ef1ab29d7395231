"""Translate Spark's errors about a transform into one that names the table, the expression and its place."""

from __future__ import annotations

import linecache
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.days import DayRange
from headrace.declare import Table
from headrace.errors import HeadraceError, OutOfMemoryError, TransformError
from headrace.shortage import shortage_of

if TYPE_CHECKING:
    from pyspark.errors import PySparkException

HINT = (
    "Return null for such a value (try_divide, try_cast, or headrace.expressions.tried) and quarantine its row: "
    "declare the column 'not null', or add a check"
)
_PLACE = re.compile(r"(?P<file>.+\.py):(?P<line>\d+)")
_ADVICE = re.compile(r"If necessary set \"spark\.sql\.ansi\.enabled\".*", re.DOTALL)  # ANSI mode stays on


@contextmanager
def transform_errors(table: Table, days: DayRange | None = None) -> Iterator[None]:
    """Translate errors of a block that calls the table's transform, or runs what it returned.

    Errors of a cluster, of storage and of Delta pass unchanged.

    Args:
        days: the days that are built, if the errors should name them.

    Raises:
        OutOfMemoryError: memory ran out. It names no setting; ``memory_errors`` does.
        TransformError: a value cannot be computed: a division by zero, an overflow, a bad cast, date or time zone. Or
            the transform does not fit the columns that it reads.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except HeadraceError:
        raise
    except Exception as raised:
        if short := shortage_of(raised):
            of = f"{table.name} of {days}" if days else table.name
            raise OutOfMemoryError(f"{of} ran out of memory: {short.said}", of=of) from raised
        if not isinstance(raised, (PySparkException, Py4JJavaError)) or (cause := _cause(raised)) is None:
            raise
        expression, place = _expression(cause, raised, table)
        at = f" at {place}" if place else ""
        raise TransformError(f"{table.by} fails for {table.name}{at}: {expression}{_reason(cause)}", HINT) from raised


def _cause(raised: Any) -> PySparkException | None:
    """The error about an expression that made Spark raise, or None if there is none: a write wraps it in its own."""
    from pyspark import errors
    from pyspark.errors.exceptions.captured import convert_exception

    about_expressions = (
        errors.AnalysisException, errors.ArithmeticException, errors.ArrayIndexOutOfBoundsException,
        errors.DateTimeException, errors.NumberFormatException, errors.SparkRuntimeException,
    )  # fmt: skip
    throwable = getattr(raised, "java_exception", None) or getattr(raised, "_origin", None)
    while throwable is not None:
        found = convert_exception(throwable)
        if isinstance(found, about_expressions):
            of_delta = (found.getCondition() or "").startswith("DELTA_")
            return None if of_delta else found
        throwable = throwable.getCause()
    return None


def _expression(cause: PySparkException, raised: BaseException, table: Table) -> tuple[str, str]:
    """The expression that failed, with a colon, and its place ``file:line``; both empty if nobody knows them."""
    from pyspark.errors.exceptions.base import QueryContextType

    for context in cause.getQueryContext() or []:
        if context.contextType() == QueryContextType.SQL:
            return f"`{context.fragment()}`: ", _line_of_use_case(raised, table)
        if found := _PLACE.fullmatch(context.callSite()):
            source = linecache.getline(found["file"], int(found["line"])).strip()
            return f"`{source or context.fragment()}`: ", found[0]
    return "", _line_of_use_case(raised, table)


def _line_of_use_case(raised: BaseException, table: Table) -> str:
    """The innermost line of the use case's own files in the traceback, if Spark raised while the transform ran."""
    folder = f"{Path(table.origin.file).parent}/"
    frames = [f for f in traceback.extract_tb(raised.__traceback__) if f.filename.startswith(folder)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _reason(cause: PySparkException) -> str:
    """Spark's message without the advice to turn ANSI mode off, the plan and the place."""
    message = str(cause).split("SQLSTATE")[0]
    return " ".join(_ADVICE.sub("", message).split()).rstrip(". ")
