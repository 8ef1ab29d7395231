"""Delete jobs that no task owns any more, for example after a lost worker whose task was not tried again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from headrace.backends.kubernetes.names import BY_TASK
from headrace.orchestration import project
from headrace.orchestration.reason import say_reason_last

if TYPE_CHECKING:
    from airflow.sdk import Context

FINAL_STATES = ("success", "failed", "skipped", "removed", "upstream_failed")


class Sweep(BaseOperator):
    """Delete every job of the environment whose task instance has ended or does not exist any more.

    A job stays if its task runs, waits or will be tried again, or if a person started it by hand. Jobs of another
    Airflow are deleted, because this one does not know their tasks: an environment has one Airflow.

    Returns:
        The names of the deleted jobs.
    """

    ui_color = "#eee6f5"

    def __init__(self, *, env: str = "", **options: Any) -> None:
        super().__init__(**{"task_id": "sweep", **options})
        say_reason_last(self)
        self.env = env

    def execute(self, context: Context) -> list[str]:
        deleted = project.backend(self.env).clean_up(lambda identity: in_use(identity, context["ti"]))
        self.log.info("deleted: %s", ", ".join(deleted) or "none")
        return deleted


def in_use(identity: Sequence[str], ti: Any) -> bool:
    """Whether the task instance that started a job may still come back to it. Jobs started by hand always stay."""
    kind, *parts = identity
    if kind != BY_TASK:
        return True
    dag, task, run, map_index = parts
    states = ti.get_task_states(dag_id=dag, task_ids=[task], run_ids=[run]).get(run, {})
    key = task if int(map_index) < 0 else f"{task}_{map_index}"
    return key in states and states[key] not in FINAL_STATES
