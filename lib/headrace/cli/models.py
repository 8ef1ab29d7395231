"""Commands that change or show which version of a model is champion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headrace import config as configuration
from headrace import declare
from headrace.cli.app import app
from headrace.cli.options import Conf, Env, ModelName, Root
from headrace.config import Config


@app.command()
def promote(
    model: ModelName,
    version: Annotated[int, typer.Argument(help="The number of a version that the gate passed")],
    reason: Annotated[str, typer.Option(help="Why; kept with the promotion")] = "promoted by hand",
    restore: Annotated[bool, typer.Option("--restore", help="Even if it was rolled back before")] = False,
    env: Env = "",
    conf: Conf = None,
    root: Root = "",
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
    root: Root = "",
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
    root: Root = "",
) -> None:
    """Say what the gate said of a version, and where its report lies.

    Example: `headrace report flights.late15`
    """
    from headrace.cli.show import show_report

    config, _ = _model(env, conf, root, model)
    show_report(config, model, version)


def _model(env: str, conf: Path | None, root: str, name: str) -> tuple[Config, declare.Model]:
    config = configuration.load(env, conf, root)
    return config, declare.load(config.use_case).model(name)
