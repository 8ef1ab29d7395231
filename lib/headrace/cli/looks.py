"""Commands that only look."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace import config as configuration
from headrace import declare
from headrace.cli.app import app
from headrace.cli.options import Conf, Env, Root, TableName
from headrace.days import DayRange


@app.command()
def tables(env: Env = "", conf: Conf = None, root: Root = "") -> None:
    """List tables: days, rows, rows set aside, and whether any day is stale.

    Example: `headrace tables`
    """
    from headrace.cli.show import show_tables
    from headrace.stages.job import job

    show_tables(job(env, conf, root))


@app.command()
def show(
    table: TableName,
    days: Annotated[str, typer.Option(help="Only these days [default: all that are published]")] = "",
    rows: Annotated[int, typer.Option(help="How many rows")] = 3,
    env: Env = "",
    conf: Conf = None,
    root: Root = "",
) -> None:
    """Show a table: its days, who published them when, and some rows. No Spark is started.

    Example: `headrace show flights.late15_scores --days 2013-12-01`
    """
    from headrace.cli.show import show_table

    show_table(configuration.load(env, conf, root), table, DayRange.parse(days) if days else None, rows)


@app.command()
def check(package: Annotated[str, typer.Argument(help="A use case's package")] = "flights") -> None:
    """Check a use case's declarations without starting Spark; names the file and line of what is wrong.

    Example: `headrace check flights`
    """
    from headrace.declare.validate import validate

    checked = validate(declare.load(package))
    typer.secho(f"{package}: {checked} is as it should be", fg="green")


@app.command()
def doctor(env: Env = "", conf: Conf = None, root: Root = "") -> None:
    """Check what breaks first: tools, host name, disk, memory, configuration, jars, registry.

    Example: `headrace doctor`
    """
    from headrace.cli.doctor import examine

    raise typer.Exit(examine(env, conf, root))


@app.command()
def alive(
    stage: Annotated[str, typer.Argument(help="land, build, train, score or maintain")] = "score",
    within_hours: Annotated[float, typer.Option(min=0, help="It must have been done in so many hours")] = 26,
    env: Env = "",
    conf: Conf = None,
    root: Root = "",
) -> None:
    """Check that a stage was done lately; else say so and end with 75. For cron, as a dead scheduler tells nobody.

    Example: `headrace alive score --within-hours 26`
    """
    from headrace.stages.alive import last_done

    last_done(configuration.load(env, conf, root), stage, within_hours)
