"""How a job ended, and the results that its stages hand on."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from headrace import variables
from headrace.best_effort import BestEffort
from headrace.errors import HeadraceError, OutOfMemoryError
from headrace.frozen import FrozenModel
from headrace.storage import Place, append, place, read_text

HEAP_EXIT = 52  # the exit code with which Spark ends a JVM whose heap is full
KILLED = 128  # a shell adds the signal's number to it, for a process that a signal ended
OUT_OF_MEMORY_SAID = f"{OutOfMemoryError.__name__}: "  # how the reason of such a job begins
NOISE = ("WARNING: Using incubator modules", "WARNING: package sun.security")  # first lines of each JVM of Spark
MAX_DAYS = 31  # the most days whose publish ids are handed on


class Published(FrozenModel):
    """A table after a stage: its rows and quarantined rows on the stage's days, and the publish id of each day.

    ``ids`` is empty for more than 31 days.
    """

    rows: int
    quarantined: int = 0
    ids: dict[str, str] = {}


class Result(FrozenModel):
    """What one stage hands on. A stage that finds more returns a subclass, and the ledger keeps all its fields.

    Attributes:
        of: the table, model or feeds that the stage worked on.
        days: the range of days, or the day that a training was made for.
        rows: the rows that it landed, published or scored.
        tables: the tables that it published, by name.
        version: the version of the model that was trained, promoted or used for scoring.
        passed: whether the version passed the gate; None for a stage without a gate.
        sentence: the gate's verdict.
        report: the path of the model's report below the environment's root.
        mlflow_run_id: the MLflow run with the training's metrics.
    """

    stage: str
    of: str = ""
    days: str = ""
    rows: int = 0
    tables: dict[str, Published] = {}
    version: int | None = None
    passed: bool | None = None
    sentence: str = ""
    report: str = ""
    mlflow_run_id: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a job ended: its exit code, the reason if the code is not 0, and the results of its stages.

    ``printed`` says whether the job has written the reason to its own output.
    """

    code: int
    reason: str = ""
    results: list[Result] = field(default_factory=list)
    printed: bool = field(default=False, compare=False)

    @classmethod
    def of_error(cls, error: HeadraceError) -> Outcome:
        """The outcome of a job that this error ended."""
        return cls(error.exit_code, f"{type(error).__name__}: {error}")


def reason_from_last_line(code: int, last: str) -> str:
    """The reason for a job that reported none, such as a PySpark file that is not a stage."""
    return f"exit code {code}; its last line was: {last}" if last else f"exit code {code}"


def write_result(result: Result) -> None:
    """Append the result as a line to the file that HEADRACE_RESULT names, if that is set.

    One job alone may write to the file. A stage's own fields beyond ``Result`` are not handed on. If the file cannot be
    written, that is logged: the stage has done its work.
    """
    file = os.environ.get(variables.RESULT)
    if file:
        with BestEffort(f"what {result.stage} hands on"):
            handed_on = set(Result.model_fields)
            append(place(file), result.model_dump_json(include=handed_on, exclude_defaults=True))


def read_results(file: Place) -> list[Result]:
    """The results that a job's stages wrote, in order; empty if the file does not exist.

    A broken line, which a full disk can leave, is logged and left out.

    Raises:
        StorageError: S3 cannot be reached.
    """
    results: list[Result] = []
    for line in read_text(file).splitlines():
        with BestEffort("a result that the job handed on"):
            results.append(Result.from_any_release(line))
    return results
