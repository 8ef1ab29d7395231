"""What a person is asked before a stage that may be much work. A DAG that starts it has decided already."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import typer

from headrace.commands import Build, Command
from headrace.config import ConfigSource
from headrace.days import DayRange
from headrace.errors import NotConfirmedError


def confirm_catch_up(build: Build, source: ConfigSource) -> None:
    """Ask before a catch-up over more than ``build.confirm_days`` days of a table. The plan is shown with the question.

    Nobody is asked if code is to be accepted: how many days remain is known only once a sample was compared.

    Raises:
        NotConfirmedError: there is no terminal to ask at.
        typer.Abort: the answer is no.
    """
    if not build.catch_up or build.accept_code:
        return
    from headrace.cli.show_plan import show_plans
    from headrace.stages.context import open_context
    from headrace.stages.plan_builds import plan_builds

    context = open_context(source)
    plans = plan_builds(context, build.table, DayRange.parse(build.days), catch_up=True)
    most = max(plans, key=lambda plan: plan.days)
    limit = context.config.build.confirm_days
    if most.days <= limit:
        return
    what = f"this would build {most.days:,} days of {most.table}, more than build.confirm_days ({limit:,})"
    if not sys.stdin.isatty():
        command = " ".join(["headrace plan build", *build.to_argv()])
        raise NotConfirmedError(what, f"`{command}` shows them; to build them, add --yes")
    show_plans(plans)
    typer.confirm(f"\n{what}. Build them?", abort=True)


QUESTIONS: Mapping[type[Command], Callable[[Any, ConfigSource], None]] = {Build: confirm_catch_up}
