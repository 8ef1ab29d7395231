"""The reason of a failed task as the last line of its log. Airflow logs its own traceback after the task's lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperator

from headrace.orchestration.messages import reason_of

if TYPE_CHECKING:
    from airflow.sdk import Context


def say_reason_last(task: BaseOperator) -> None:
    """Let a task log the reason once more when it fails, after what its author's callbacks log."""
    task.on_failure_callback = [*task.on_failure_callback, _say_reason]
    task.on_retry_callback = [*task.on_retry_callback, _say_reason]


def _say_reason(context: Context) -> None:
    """Airflow calls this after its traceback. After a lost worker there is neither an exception nor a log."""
    exception = context.get("exception")
    if isinstance(exception, BaseException):
        context["task"].log.error("%s", reason_of(exception))
