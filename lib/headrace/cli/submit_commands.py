"""Commands that submit jobs other than a single stage."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.cli.app import app
from headrace.cli.options import Conf, Env, Root
from headrace.cli.run_job import run_or_print
from headrace.commands import Job
from headrace.commands.job import AUTO
from headrace.config import ConfigSource


@app.command()
def demo(env: Env = "", conf: Conf = None, root: Root = "") -> None:
    """Run the demo that the use case declares: deliver, land, build, train, gate, promote and score.

    Example: `headrace demo`
    """
    from headrace.cli.demo import run

    run(ConfigSource(env, conf, root))


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

    Example: `headrace submit jobs/build.py --env staging --print -- sales.features --days 2026-01-31`
    """
    config = ConfigSource(env).load()
    run_or_print(config, Job.of_file(file, arguments or [], size), ConfigSource(), print_only=print_submit)
