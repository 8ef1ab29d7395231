"""Notifications of a failure or of a late run.

They go through Airflow's own notifiers, chosen in the configuration. One cause is sent once in a while, however many
tasks it fails: the first of them leaves a mark, by exclusive creation.
"""

from __future__ import annotations

import hashlib
import importlib
import time
import uuid
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import BaseNotifier

from headrace import config as configuration
from headrace.best_effort import BestEffort
from headrace.config import Config, Notifier
from headrace.orchestration import project
from headrace.orchestration.messages import Message, of_task
from headrace.storage import Place, create

if TYPE_CHECKING:
    from airflow.sdk import Context

Channel = Literal["page", "mail"]


class Alert(BaseNotifier):
    """Notify the people on a channel that a task has failed finally."""

    def __init__(self, channel: Channel = "page", **options: Any) -> None:
        super().__init__(**options)
        self.channel: Channel = channel

    def notify(self, context: Context) -> None:
        send(project.config(), self.channel, of_task(context), dict(context))


def send(config: Config, channel: Channel, message: Message, context: dict[str, Any]) -> bool:
    """Send the message over each of the channel's notifiers, unless its cause was sent recently.

    If marks can be neither read nor left, it is sent: people would rather hear of a cause twice than never.

    Raises:
        Exception: the error of the first notifier that failed. The others were tried, and the cause counts as not sent.
    """
    mark: Place | None = None
    with BestEffort("the mark of a cause"):
        mark = _mark(config, channel, message)
        if mark is None:
            return False
    failed: list[Exception] = []
    for chosen in getattr(config.alerts, channel):
        try:
            _notify(chosen, {**context, "alert": message})
        except Exception as error:
            failed.append(error)
    if failed:
        with BestEffort("that nobody was notified"):
            if mark is not None:
                mark.unlink(missing_ok=True)
        raise failed[0]
    return True


def _notify(chosen: Notifier, context: Any) -> None:
    """Do what calling the notifier does, without catching errors: that would hide that nobody was notified."""
    module, _, name = chosen.notifier.rpartition(".")
    notifier: BaseNotifier = getattr(importlib.import_module(module), name)(**chosen.arguments)
    notifier.render_template_fields(context)
    notifier.notify(context)


def _mark(config: Config, channel: Channel, message: Message) -> Place | None:
    """A new mark, if this is the cause's first failure within the quiet time; None otherwise.

    Marks of a cause are numbered. Once the last mark is old enough, exclusive creation decides who takes the next one.
    """
    cause = hashlib.sha256(f"{channel} {message.cause}".encode()).hexdigest()[:16]
    folder = configuration.home() / config.layout.alerts
    marks: list[Place] = sorted(folder.glob(f"{cause}-*"))
    if marks and time.time() - marks[-1].stat().st_mtime < config.alerts.quiet_minutes * 60:
        return None
    number = int(marks[-1].name.rpartition("-")[2]) + 1 if marks else 1
    mark = folder / f"{cause}-{number:06}"
    try:
        create(mark, uuid.uuid4().hex.encode())
    except FileExistsError:
        if not mark.exists():  # no other task took it: something is in the place of the folder
            raise
        return None
    with BestEffort("the removal of older marks"):
        for older in marks:
            older.unlink(missing_ok=True)
    return mark
