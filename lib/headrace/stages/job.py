"""What all jobs share: their context, the lines that they print, and how they end."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from headrace import config as configuration
from headrace import declare
from headrace.config import Config
from headrace.declare import UseCase
from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Job:
    """Where a stage runs: the configuration, the use case, and Spark once somebody asks for it."""

    config: Config
    use_case: UseCase

    @cached_property
    def spark(self) -> SparkSession:
        from headrace.session import spark_session

        return spark_session(self.config, f"headrace {self.use_case.package}")


def job(environment: str = "", conf: Path | None = None, root: Path | None = None) -> Job:
    """Read the configuration and load the use case that it names."""
    config = configuration.load(environment, conf, root)
    return Job(config, declare.load(config.use_case))


def say(stage: str, what: str, **figures: object) -> None:
    """One line of progress: the time, the stage, what, and figures."""
    told = "  ".join(f"{value} {name}" for name, value in figures.items())
    print(f"{time.strftime('%H:%M:%S')}  {stage:<6} {what}{'  ' if told else ''}{told}", flush=True)


def rate(rows: int, seconds: float) -> str:
    return f"{rows / max(seconds, 1e-9):,.0f}"


def end(main: Callable[[], None]) -> None:
    """Run a job's main function and leave with its exit code: 0, 65 (permanent) or 75 (retryable).

    The last line on stderr is the reason; it is also written to the file that HEADRACE_TERMINATION_LOG names, where
    Kubernetes shows it. What is no HeadraceError is a fault of ours or of the machine: its trace comes first, and it
    is permanent.
    """
    try:
        main()
    except HeadraceError as error:
        _leave(f"{type(error).__name__}: {error}", error.exit_code)
    except Exception as fault:
        traceback.print_exc()
        first = (str(fault).strip().splitlines() or [""])[0]
        _leave(f"{type(fault).__name__}: {first[:500]}", HeadraceError.exit_code)


def _leave(reason: str, code: int) -> None:
    log = os.environ.get("HEADRACE_TERMINATION_LOG")
    if log:
        Path(log).write_text(reason + "\n", encoding="utf-8")
    sys.stdout.flush()
    _stop_spark()  # before the last line: its shutdown may write to stderr
    print(reason, file=sys.stderr, flush=True)
    sys.exit(code)


def _stop_spark() -> None:
    if "pyspark" not in sys.modules:
        return
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is not None:
        session.stop()
