"""What a stage hands on: small, typed, and written where whoever started the job asked for it."""

from __future__ import annotations

import os

from pydantic import BaseModel, ConfigDict

from headrace.storage import Place, append, place, read_text

VARIABLE = "HEADRACE_RESULT"
MOST_DAYS = 31  # whose publish ids are told one by one


class Published(BaseModel):
    """A table after a stage: its rows on the stage's days, what was set aside, and the publish id of each day.

    ``ids`` is empty where there are more days than a month has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    quarantined: int = 0
    ids: dict[str, str] = {}


class Result(BaseModel):
    """One stage's result.

    Attributes:
        of: the table, model or feeds that it was about.
        days: the range of days, or the day that was trained as on.
        rows: how many rows it landed, published, trained on or scored.
        tables: what it published, by the table's name.
        version: of the model that was trained or that scored.
        passed: whether the gate passed the version; None for a stage without a gate.
        sentence: the gate's verdict.
        report: the path of the model's report, seen from what the environment keeps.
        mlflow_run_id: the run that holds the training's metrics.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    of: str
    days: str = ""
    rows: int = 0
    tables: dict[str, Published] = {}
    version: int | None = None
    passed: bool | None = None
    sentence: str = ""
    report: str = ""
    mlflow_run_id: str = ""


def tell(result: Result) -> None:
    """Add the result as a line to the file that HEADRACE_RESULT names, if it is set; one job writes it."""
    named = os.environ.get(VARIABLE)
    if named:
        append(place(named), result.model_dump_json(exclude_defaults=True))


def told(where: Place) -> list[Result]:
    """The results that a job's stages wrote, in their order; none where it wrote none."""
    return [Result.model_validate_json(line) for line in read_text(where).splitlines()]
