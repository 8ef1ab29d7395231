"""The message about a failure: the cause, the tables and days concerned, and the command to type next."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from airflow.sdk.exceptions import AirflowException

from headrace.errors import HeadraceError
from headrace.orchestration import project

VARYING = re.compile(r"\d{4}-\d{2}-\d{2}(\.\.\d{4}-\d{2}-\d{2})?|\b\d[\d,.]*")


@dataclass(frozen=True)
class Message:
    """What a notifier gets as ``alert``. ``cause`` is the same text for all failures with the same cause."""

    title: str
    text: str
    cause: str


def of_task(context: Any) -> Message:
    """The message about a task instance that failed."""
    ti, task = context["ti"], context["ti"].task
    reason = reason_of(context.get("exception"))
    days = _days(context.get("params"), context["dag_run"].partition_key)
    return _message(
        f"{ti.dag_id} {ti.task_id}{days and f', {days}'}: {reason.split(': ', maxsplit=1)[0]}",
        reason,
        {
            "days": days or "the days of the run",
            "tables concerned": ", ".join(outlet.name for outlet in task.outlets) or "none",
            "task": f"{ti.dag_id} {ti.task_id}, run {ti.run_id}, try {ti.try_number}",
            "log": ti.log_url,
            "to run the same job by hand": _by_hand(context, task),
            "after the repair": shlex.join(
                ["airflow", "dags", "clear", ti.dag_id, "--run-id", ti.run_id, "--only-failed", "--yes"]
            ),
        },
    )


def of_late_run(context: Mapping[str, Any], hours: float, tables: Iterable[str], ui: str) -> Message:
    """The message about a run that was not done in time; ``ui`` is Airflow's address."""
    run = context["dag_run"]
    dag, run_id, days = run["dag_id"], run["dag_run_id"], _days(run.get("conf"), run.get("partition_key"))
    now = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"
    reason = f"DeadlineMissed: {dag} is not done {hours:g} hours after its creation; at {now} it is {run['state']}"
    return _message(
        f"{dag}{days and f', {days}'}: late",
        reason,
        {
            "days": days or "the days of the run",
            "tables that are late": ", ".join(tables) or "none",
            "run": f"{ui}/dags/{dag}/runs/{quote(run_id)}",
            "what it waits for": shlex.join(["airflow", "tasks", "states-for-dag-run", dag, run_id]),
        },
    )


def reason_of(exception: BaseException | None) -> str:
    """The job's reason, or what else ended its task."""
    if exception is None:
        return "the task ended without a reason, because its worker was lost"
    if isinstance(exception, AirflowException):
        return str(exception)
    return f"{type(exception).__name__}: {exception}"


def _message(title: str, reason: str, lines: Mapping[str, str]) -> Message:
    text = "\n".join(f"{what}: {text}" for what, text in {"cause": reason, **lines}.items())
    return Message(title, text, VARYING.sub("#", reason))


def _days(params: Any, partition: str | None) -> str:
    """The days that a person asked for, or the run's."""
    return str((params or {}).get("days") or partition or "")


def _by_hand(context: Any, task: Any) -> str:
    """The job's command. After a lost worker, Airflow passes the arguments as templates, which are rendered here."""
    if not hasattr(task, "file"):
        return "-"
    args = task.args if "exception" in context else task.render_template(task.args, context)
    try:
        return project.backend(task.env).command_to_type(task.job(args))
    except HeadraceError as wrong:
        return f"- ({wrong})"
