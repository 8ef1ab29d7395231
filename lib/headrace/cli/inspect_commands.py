"""Commands that only read."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace import config as configuration
from headrace import declare
from headrace.cli.app import app
from headrace.cli.options import Conf, Env, ModelName, Root
from headrace.config import ConfigSource
from headrace.days import DayRange


@app.command()
def tables(env: Env = "", conf: Conf = None, root: Root = "") -> None:
    """List tables: days, rows, quarantined rows, and stale days.

    Example: `headrace tables`
    """
    from headrace.cli.show import show_tables
    from headrace.stages.context import open_context

    show_tables(open_context(ConfigSource(env, conf, root)))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A table, as schema.table, or a feed", metavar="TABLE")],
    days: Annotated[str, typer.Option(help="Only these days [default: all]")] = "",
    rows: Annotated[int, typer.Option(help="The number of rows")] = 3,
    env: Env = "",
    conf: Conf = None,
    root: Root = "",
) -> None:
    """Show a table: its days with their publish ids, and some rows. Or show the deliveries of a feed.

    A day of a table uses the last delivery that landed before its cut-off. Spark is not started.

    Example: `headrace show sales.late_scores --days 2026-01-31`
    """
    from headrace.cli.show import show_table
    from headrace.cli.show_feed import show_feed

    config, within = ConfigSource(env, conf, root).load(), DayRange.parse(days) if days else None
    if feed := declare.load(config.use_case).feeds.get(name):
        show_feed(config, feed, within)
    else:
        show_table(config, name, within, rows)


@app.command()
def report(
    model: ModelName,
    version: Annotated[int | None, typer.Option(help="A version [default: the champion]")] = None,
    env: Env = "",
    conf: Conf = None,
    root: Root = "",
) -> None:
    """Show the gate's verdict on a version, and where its report is.

    Example: `headrace report sales.late`
    """
    from headrace.cli.show_report import show_report

    config = ConfigSource(env, conf, root).load()
    show_report(config, declare.load(config.use_case).model(model).name, version)


@app.command()
def check(
    package: Annotated[str, typer.Argument(help="A use case's package [default: the environment's use_case]")] = "",
    env: Env = "",
) -> None:
    """Check a use case's declarations without starting Spark. Names the file and line of what is wrong.

    Example: `headrace check`
    """
    from headrace.declare.validate import validate

    name = package or configuration.load(env).use_case
    typer.secho(f"{name}: {validate(declare.load(name))}: no problems found", fg="green")


@app.command()
def doctor(env: Env = "", conf: Conf = None, root: Root = "") -> None:
    """Check what fails most often: tools, host name, disk, memory, configuration, jars, registry.

    Example: `headrace doctor`
    """
    from headrace.cli.doctor import examine

    raise typer.Exit(examine(ConfigSource(env, conf, root)))
