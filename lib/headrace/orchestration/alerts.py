"""Who is told of a failure, and what: the cause, the tables and days touched, and the command to type next.

What is sent through are Airflow's own notifiers, chosen in the configuration. One cause is told once in a while,
however many tasks it fails: the first of them leaves a mark beside the ledger, by exclusive creation.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import BaseNotifier

from headrace import config as configuration
from headrace import submit
from headrace.config import Config, Notifier

if TYPE_CHECKING:
    from airflow.sdk import Context

Channel = Literal["page", "mail"]
VARYING = re.compile(r"\d{4}-\d{2}-\d{2}(\.\.\d{4}-\d{2}-\d{2})?|\d[\d,.]*")


@dataclass(frozen=True)
class Message:
    """What a notifier is given, as ``alert``. ``cause`` is alike for all failures that have one cause."""

    title: str
    text: str
    cause: str


class Alert(BaseNotifier):
    """Tell those on a channel of a task that failed for good."""

    def __init__(self, channel: Channel = "page", **options: Any) -> None:
        super().__init__(**options)
        self.channel: Channel = channel

    def notify(self, context: Context) -> None:
        config = configuration.load()
        message = of_task(config, context)
        send(config, self.channel, message, dict(context))


def of_task(config: Config, context: Any) -> Message:
    """The message about a task instance that failed."""
    ti, task, run = context["ti"], context["ti"].task, context["dag_run"]
    reason = str(context.get("exception") or "the task ended without a reason: its worker was lost")
    about = f"{ti.dag_id} {ti.task_id}, day {run.partition_key}" if run.partition_key else f"{ti.dag_id} {ti.task_id}"
    touched = ", ".join(outlet.name for outlet in task.outlets) or "none"
    lines = {
        "cause": reason,
        "task": f"{about}, run {ti.run_id}, try {ti.try_number}",
        "tables touched": touched,
        "log": ti.log_url,
        "the same by hand": _by_hand(config, task),
        "when it is mended": f"airflow tasks clear {ti.dag_id} --task-regex '^{ti.task_id}$' --downstream --yes",
    }
    text = "\n".join(f"{what}: {said}" for what, said in lines.items())
    return Message(f"{about}: {reason.split(': ', maxsplit=1)[0]}", text, VARYING.sub("#", reason))


def send(config: Config, channel: Channel, message: Message, context: dict[str, Any]) -> bool:
    """Send the message over each of the channel's notifiers, unless its cause was told a short while ago.

    Raises:
        Exception: what the first notifier raised that failed. The others were tried, and the cause counts as not told.
    """
    mark = _mark(config, channel, message)
    if mark is None:
        return False
    failed: list[Exception] = []
    for chosen in getattr(config.alerts, channel):
        try:
            _notifier(chosen)({**context, "alert": message})
        except Exception as error:
            failed.append(error)
    if failed:
        mark.unlink(missing_ok=True)
        raise failed[0]
    return True


def _by_hand(config: Config, task: Any) -> str:
    if not hasattr(task, "file"):
        return "-"
    return shlex.join(submit.command(config, task.file, [*task.args, *submit.where(task.env, None, None)]))


def _notifier(chosen: Notifier) -> BaseNotifier:
    module, _, name = chosen.notifier.rpartition(".")
    made: BaseNotifier = getattr(importlib.import_module(module), name)(**chosen.arguments)
    return made


def _mark(config: Config, channel: Channel, message: Message) -> Path | None:
    """The mark of a cause's first failure within the quiet time; None for those after it, also at the same moment."""
    cause = hashlib.sha256(f"{channel} {message.cause}".encode()).hexdigest()[:16]
    period = int(dt.datetime.now(dt.UTC).timestamp() // max(config.alerts.quiet_minutes * 60, 1))
    mark = configuration.home() / config.root / "alerts" / f"{cause}-{period}"
    mark.parent.mkdir(parents=True, exist_ok=True)
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return None
    _forget_older(mark, cause)
    return mark


def _forget_older(mark: Path, cause: str) -> None:
    for older in mark.parent.glob(f"{cause}-*"):
        if older != mark:
            older.unlink(missing_ok=True)
