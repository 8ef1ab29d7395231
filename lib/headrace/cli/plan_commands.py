"""``headrace plan``: what a stage would do. Nothing is started, and nothing is published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.cli.app import app
from headrace.cli.signature import given, set_signature
from headrace.commands import Build
from headrace.config import ConfigSource
from headrace.days import DayRange

AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON")]
BUILD_HELP = """Show which days `headrace build` would build, and why each is stale. Days that miss a source wait.

It covers the table and every table that it is made from. Spark is not started.

Example: `headrace plan build sales.features --days 2026-01-01..2026-01-31`
"""

plan = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
app.add_typer(plan, name="plan")


@plan.callback()
def _plan() -> None:
    """Show what a stage would do, and why, without starting it.

    Example: `headrace plan build sales.features --days 2026-01-01..2026-01-31`
    """


def _add_build() -> None:
    """Give ``headrace plan`` a command that takes what a build takes, except what is about accepted code."""
    fields = [field for field in Build.arguments() if field.name not in ("accept_code", "reason")]

    def build(*, env: str, conf: Path | None, root: str, as_json: bool, **values: Any) -> None:
        from headrace.cli.show_plan import show_plans
        from headrace.stages.context import open_context
        from headrace.stages.plan_builds import plan_builds

        stage = Build(**given(fields, values)).complete()
        context = open_context(ConfigSource(env, conf, root))
        plans = plan_builds(context, stage.table, DayRange.parse(stage.days), stage.catch_up)
        if as_json:
            typer.echo(json.dumps({"tables": [one.model_dump(mode="json") for one in plans]}, indent=2))
        else:
            show_plans(plans)

    set_signature(build, fields, {"as_json": (AsJson, False)})
    plan.command("build", help=BUILD_HELP)(build)


_add_build()
