"""Commands that submit a job."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from headrace import commands, declare
from headrace import config as configuration
from headrace import submit as submitting
from headrace.cli.app import app
from headrace.cli.backend import submitted
from headrace.cli.options import Conf, Days, Env, ModelName, Print, Root, TableName
from headrace.cluster.sizes import AUTO
from headrace.commands import Command
from headrace.days import DayRange


@app.command()
def demo(env: Env = "", conf: Conf = None, root: Root = "") -> None:
    """Run the whole line on the real flights of 2013.

    Example: `headrace demo`
    """
    from headrace.cli.demo import run

    run(configuration.load(env, conf, root), env, conf, root)


@app.command()
def land(
    days: Days,
    feed: Annotated[list[str] | None, typer.Option(help="Only this feed; may be given again")] = None,
    env: Env = "",
    conf: Conf = None,
    root: Root = "",
    print_submit: Print = False,
) -> None:
    """Bring in what feeds delivered for some days.

    Example: `headrace land --days 2013-12-01..2013-12-07 --feed weather`
    """
    known = _use_case(env, conf, root)
    chosen = [known.feed(name).name for name in feed or []]
    _submitted(commands.land(str(DayRange.parse(days)), chosen), env, conf, root, print_submit)


@app.command()
def build(
    table: TableName,
    days: Days,
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="Also build other published days that are stale")
    ] = False,
    env: Env = "",
    conf: Conf = None,
    root: Root = "",
    print_submit: Print = False,
) -> None:
    """Build days of a table, and of the tables that it is made from.

    Example: `headrace build flights.features --days 2013-12-01..2013-12-07`
    """
    name = _use_case(env, conf, root).table(table).name
    _submitted(commands.build(name, str(DayRange.parse(days)), catch_up=catch_up), env, conf, root, print_submit)


@app.command()
def train(
    model: ModelName,
    on: Annotated[
        dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="The day to train as on; tested on the days before")
    ],
    promote: Annotated[bool, typer.Option(help="Make it champion if it passes the gate")] = True,
    env: Env = "",
    conf: Conf = None,
    root: Root = "",
    print_submit: Print = False,
) -> None:
    """Train a challenger, judge it at the gate, and promote it if it passes.

    Example: `headrace train flights.late15 --on 2013-12-01`
    """
    name = _use_case(env, conf, root).model(model).name
    _submitted(commands.train(name, str(on.date()), promote=promote), env, conf, root, print_submit)


@app.command()
def score(
    model: ModelName,
    days: Days,
    version: Annotated[str, typer.Option(help="The number of a version")] = "champion",
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="Also score other days again whose features changed since")
    ] = False,
    env: Env = "",
    conf: Conf = None,
    root: Root = "",
    print_submit: Print = False,
) -> None:
    """Score days with the champion.

    Example: `headrace score flights.late15 --days 2013-12-01..2013-12-07`
    """
    name = _use_case(env, conf, root).model(model).name
    _submitted(
        commands.score(name, str(DayRange.parse(days)), version, catch_up=catch_up), env, conf, root, print_submit
    )


@app.command()
def maintain(
    tables: Annotated[list[str] | None, typer.Argument(help="schema.table [default: all]")] = None,
    env: Env = "",
    conf: Conf = None,
    root: Root = "",
    print_submit: Print = False,
) -> None:
    """Compact and clean tables, and sweep what killed jobs left.

    Example: `headrace maintain flights.legs`
    """
    known = _use_case(env, conf, root)
    _submitted(commands.maintain([known.table(name).name for name in tables or []]), env, conf, root, print_submit)


@app.command(context_settings={"ignore_unknown_options": True})
def submit(
    file: Annotated[str, typer.Argument(help="A PySpark file of the project, such as jobs/export_scores.py")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Its own arguments, after `--`")] = None,
    size: Annotated[str, typer.Option(help="On a cluster: one of the sizes in conf/")] = AUTO,
    env: Env = "",
    print_submit: Annotated[
        bool, typer.Option("--print", help="Only print the spark-submit command, or the SparkApplication as YAML")
    ] = False,
) -> None:
    """Run any PySpark file of the project as a job.

    Example: `headrace submit jobs/build.py --env staging --print -- flights.features --days 2013-12-01`
    """
    config = configuration.load(env)
    raise typer.Exit(submitted(config, file, arguments or [], [], size=size, print_only=print_submit))


def _submitted(command: Command, env: str, conf: Path | None, root: str, only: bool) -> None:
    config = configuration.load(env, conf, root)
    where = submitting.where(env, conf, root)
    raise typer.Exit(submitted(config, command.file, command.arguments, where, print_only=only))


def _use_case(env: str, conf: Path | None, root: str) -> declare.UseCase:
    """A wrong name is found here in a moment, and not after Spark has started."""
    return declare.load(configuration.load(env, conf, root).use_case)
