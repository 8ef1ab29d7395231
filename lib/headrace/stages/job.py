"""What all jobs share: their context, the lines that they print, and how they end."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from headrace import config as configuration
from headrace import declare
from headrace.config import Config
from headrace.days import DayRange
from headrace.declare import UseCase
from headrace.ended import TERMINATION, Ended
from headrace.errors import PERMANENT, RETRYABLE, HeadraceError, UnknownNameError
from headrace.lake.publications import publications
from headrace.result import MOST_DAYS, Published
from headrace.storage import Place
from headrace.yamlfile import nearest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TERMINATION_BYTES = 4000  # Kubernetes shows 4096
# S3 that cannot be reached or is too busy, in the words of Spark's client, of delta-rs, and of our own in a worker.
AWAY = re.compile(
    r"SdkClientException: Unable to execute HTTP request"
    r"|s3a\.AWS(?:NoResponse|ServiceThrottled|Status500|ApiCallTimeout)Exception"
    r"|Generic S3 error.*(?:HTTP error|status code: 5\d\d)"
    r"|headrace\.errors\.StorageError: ",
    re.DOTALL,
)


@dataclass(frozen=True)
class Job:
    """Where a stage runs: the configuration, the use case, and Spark once somebody asks for it."""

    config: Config
    use_case: UseCase

    @cached_property
    def spark(self) -> SparkSession:
        from headrace.session import spark_session

        session = spark_session(self.config, f"headrace {self.use_case.package}")
        if address := session.sparkContext.uiWebUrl:
            say("spark", f"Spark UI {address}")
        return session


def job(environment: str = "", conf: Path | None = None, root: Place | str = "") -> Job:
    """Read the configuration and load the use case that it names."""
    config = configuration.load(environment, conf, root)
    return Job(config, declare.load(config.use_case))


def say(stage: str, what: str, **figures: object) -> None:
    """One line of progress: the time, the stage, what, and figures."""
    told = "  ".join(f"{value} {name}" for name, value in figures.items())
    print(f"{time.strftime('%H:%M:%S')}  {stage:<6} {what}{'  ' if told else ''}{told}", flush=True)


def published(path: Place, days: DayRange) -> Published:
    """What a table holds on ``days`` now, as a stage's result tells it."""
    there = {day: p for day, p in publications(path).items() if day in days}
    ids = {str(day): p.id for day, p in there.items()} if len(there) <= MOST_DAYS else {}
    rows, aside = sum(p.rows for p in there.values()), sum(p.quarantined for p in there.values())
    return Published(rows=rows, quarantined=aside, ids=ids)


def rate(rows: int, seconds: float) -> str:
    return f"{rows / max(seconds, 1e-9):,.0f}"


def call(stages: Mapping[str, Callable[..., None]], stage: str, arguments: Sequence[str]) -> None:
    """Run a stage by its name, with arguments as its own job takes them.

    Raises:
        UnknownNameError: there is no such stage.
    """
    if stage not in stages:
        raise UnknownNameError(f"no stage is called {stage!r}", nearest(stage, stages))
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(stage)(stages[stage])
    app(list(arguments), prog_name=stage, standalone_mode=False)


def end(main: Callable[[], None]) -> None:
    """Run a job's main function and leave with its exit code: 0, 65 (permanent) or 75 (retryable).

    The last line on stderr is the reason; it is also written to the file that HEADRACE_TERMINATION_LOG names, where
    Kubernetes shows it. What is no HeadraceError is a fault of ours or of the machine: its trace comes first, and it
    is permanent, unless it tells of S3 being away. So are arguments that the job does not take, which typer has told
    of by then.
    """
    try:
        main()
    except HeadraceError as error:
        ended = Ended.by(error)
        _leave(ended.reason, ended.code)
    except SystemExit as ended:
        if ended.code:
            _leave(f"the job does not take {shlex.join(sys.argv[1:]) or 'no arguments'}", PERMANENT)
        raise
    except Exception as fault:
        traceback.print_exc()
        code = RETRYABLE if AWAY.search(f"{type(fault).__name__}: {fault}") else PERMANENT
        _leave(f"{type(fault).__name__}: {_first_line(fault)}".rstrip(": "), code)


def _first_line(fault: Exception) -> str:
    """The line that says most, which Py4J's own first line does not, and the last of the causes that follow it."""
    lines = [line.strip(": ") for line in str(fault).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("An error occurred while calling")]
    causes = [line for line in lines if line.startswith("Caused by: ")]
    return " ".join(line[:500] for line in [*(telling or lines)[:1], *causes[-1:]])


def _leave(reason: str, code: int) -> None:
    """End the process; neither a full disk nor a dead JVM may hide the reason."""
    log = os.environ.get(TERMINATION)
    if log:
        with contextlib.suppress(OSError):
            shown = reason.encode()[:TERMINATION_BYTES].decode(errors="ignore")  # no half of a character
            Path(log).write_text(shown + "\n", encoding="utf-8")
    sys.stdout.flush()
    with contextlib.suppress(Exception):
        _stop_spark()  # before the last line: its shutdown may write to stderr
    _tell(reason)
    sys.exit(code)


def _tell(reason: str) -> None:
    """The reason on stderr: on that of spark-submit's JVM, where there is one, as it sends ours to its stdout."""
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
