"""The reason of a failed task as the last line of its log. Airflow logs its own traceback after the task's lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import Context


def say_reason(context: Context) -> None:
    """Log the reason once more. Airflow calls this after its traceback."""
    if reason := context.get("exception"):
        context["task"].log.error("%s", reason)
