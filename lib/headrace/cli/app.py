"""The commands. Each that works on data submits a job of ``jobs/``; the others only look."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from headrace import commands, declare, submit
from headrace import config as configuration
from headrace.commands import Command
from headrace.config import Config
from headrace.days import DayRange
from headrace.errors import HeadraceError

Env = Annotated[str, typer.Option("--env", help="The environment: a file in conf/ [default: $HEADRACE_ENV or local]")]
Conf = Annotated[Path | None, typer.Option(help="The folder with the configuration [default: $HEADRACE_CONF or conf]")]
Root = Annotated[Path | None, typer.Option(help="Keep everything below this folder instead of the environment's")]
Print = Annotated[bool, typer.Option("--print-submit", help="Only print the spark-submit command")]
Days = Annotated[str, typer.Option(help="A day, or a closed range of days: 2013-12-01..2013-12-07")]
ModelName = Annotated[str, typer.Argument(help="schema.model")]
TableName = Annotated[str, typer.Argument(help="schema.table")]


class Commands(typer.core.TyperGroup):
    """Ends a command that fails with its reason in one line and the exit code of the error."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except HeadraceError as error:
            typer.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
            raise typer.Exit(error.exit_code) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="From raw files to a Delta lake, trained models and scored tables.",
)


def _submitted(command: Command, env: str, conf: Path | None, root: Path | None, only: bool) -> None:
    config = configuration.load(env, conf, root)
    arguments = [*command.arguments, *submit.where(env, conf, root)]
    raise typer.Exit(submit.run(config, command.file, arguments, print_only=only))


@app.command()
def demo(env: Env = "", conf: Conf = None, root: Root = None) -> None:
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
    root: Root = None,
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
    root: Root = None,
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
    root: Root = None,
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
    env: Env = "",
    conf: Conf = None,
    root: Root = None,
    print_submit: Print = False,
) -> None:
    """Score days with the champion.

    Example: `headrace score flights.late15 --days 2013-12-01..2013-12-07`
    """
    name = _use_case(env, conf, root).model(model).name
    _submitted(commands.score(name, str(DayRange.parse(days)), version), env, conf, root, print_submit)


@app.command()
def promote(
    model: ModelName,
    version: Annotated[int, typer.Argument(help="The number of a version that the gate passed")],
    reason: Annotated[str, typer.Option(help="Why; kept with the promotion")] = "promoted by hand",
    restore: Annotated[bool, typer.Option("--restore", help="Even if it was rolled back before")] = False,
    env: Env = "",
    conf: Conf = None,
    root: Root = None,
) -> None:
    """Make a version champion.

    Example: `headrace promote flights.late15 2 --reason "the first one misses Sundays"`
    """
    from headrace.stages.promote import promote_version

    config, _ = _model(env, conf, root, model)
    promote_version(config, model, version, reason=reason, restore=restore)


@app.command()
def rollback(
    model: ModelName,
    reason: Annotated[str, typer.Option(help="Why; kept with the promotion")] = "rolled back by hand",
    env: Env = "",
    conf: Conf = None,
    root: Root = None,
) -> None:
    """Make the champion before this one champion again.

    Example: `headrace rollback flights.late15 --reason "calibration drifted"`
    """
    from headrace.stages.promote import roll_back

    config, _ = _model(env, conf, root, model)
    roll_back(config, model, reason=reason)


@app.command()
def report(
    model: ModelName,
    version: Annotated[int | None, typer.Option(help="Another version than the champion")] = None,
    env: Env = "",
    conf: Conf = None,
    root: Root = None,
) -> None:
    """Say what the gate said of a version, and where its report lies.

    Example: `headrace report flights.late15`
    """
    from headrace.cli.show import show_report

    config, _ = _model(env, conf, root, model)
    show_report(config, model, version)


@app.command()
def tables(env: Env = "", conf: Conf = None, root: Root = None) -> None:
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
    root: Root = None,
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
def doctor(env: Env = "", conf: Conf = None, root: Root = None) -> None:
    """Check what breaks first: tools, host name, disk, memory, configuration, jars, registry.

    Example: `headrace doctor`
    """
    from headrace.cli.doctor import examine

    raise typer.Exit(examine(env, conf, root))


def _use_case(env: str, conf: Path | None, root: Path | None) -> declare.UseCase:
    """A wrong name is found here in a moment, and not after Spark has started."""
    return declare.load(configuration.load(env, conf, root).use_case)


def _model(env: str, conf: Path | None, root: Path | None, name: str) -> tuple[Config, declare.Model]:
    config = configuration.load(env, conf, root)
    return config, declare.load(config.use_case).model(name)
