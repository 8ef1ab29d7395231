"""``headrace plan``: what a stage would do. Nothing is started, and nothing is published."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from headrace.cli.app import app
from headrace.cli.options import Conf, Env, Root, TableName
from headrace.config import ConfigSource
from headrace.days import DayRange

plan = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
app.add_typer(plan, name="plan")


@plan.callback()
def _plan() -> None:
    """Show what a stage would do, and why, without starting it.

    Example: `headrace plan build sales.features --days 2026-01-01..2026-01-31`
    """


@plan.command()
def build(
    table: TableName,
    days: Annotated[str, typer.Option(help="A day, or a closed range of days: 2026-01-01..2026-01-07")],
    catch_up: Annotated[bool, typer.Option("--catch-up", help="Also plan the other published days")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON")] = False,
    env: Env = "",
    conf: Conf = None,
    root: Root = "",
) -> None:
    """Show which days `headrace build` would build, and why each is stale. Days that miss a source wait.

    It covers the table and every table that it is made from. Spark is not started.

    Example: `headrace plan build sales.features --days 2026-01-01..2026-01-31 --catch-up`
    """
    from headrace.cli.show_plan import show_plans
    from headrace.stages.context import open_context
    from headrace.stages.plan_builds import plan_builds

    plans = plan_builds(open_context(ConfigSource(env, conf, root)), table, DayRange.parse(days), catch_up)
    if as_json:
        typer.echo(json.dumps({"tables": [one.model_dump(mode="json") for one in plans]}, indent=2))
    else:
        show_plans(plans)
