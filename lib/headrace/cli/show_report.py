"""The gate's verdict on a version, shown in a terminal."""

from __future__ import annotations

import functools

from headrace.cli.show import CONSOLE, grid_of
from headrace.config import Config
from headrace.errors import UnknownNameError
from headrace.registry import promotions, verdicts, versions
from headrace.registry.champions import LAST, days_by_champion
from headrace.registry.versions import Version
from headrace.storage import Place

FIGURES = {"AUC": "auc", "average precision": "average_precision", "log loss": "log_loss", "ECE": "ece"}


def show_report(config: Config, model: str, number: int | None) -> None:
    """The verdict on a version (by default the champion), its figures, and where its report is.

    Raises:
        UnknownNameError: there is no champion, or no such version.
    """
    models = config.layout.models
    champion = promotions.champion(models, model)
    version = versions.version(models, model, number) if number is not None else champion
    if version is None:
        raise UnknownNameError(f"{model} has no champion", f"Choose a version of {model} with --version")
    verdict = verdicts.latest_verdict(version)
    CONSOLE.print(
        f"[bold]{version}[/]{'  champion' if version == champion else ''}  trained as on {version.trained_on}"
        f"  {_scores(models, version)}",
        soft_wrap=True,
    )
    if verdict is None:
        CONSOLE.print("the gate has not judged it")
        return
    CONSOLE.print(verdict.sentence)
    grid = grid_of("", *FIGURES)
    for name, figures in verdict.evaluation["figures"].items():
        grid.add_row(name, *[f"{figures[key]:.4f}" for key in FIGURES.values()])
    CONSOLE.print(grid)
    CONSOLE.print(f"report: {config.layout.report(model, version.number).absolute()}", soft_wrap=True)


def _scores(models: Place, version: Version) -> str:
    """The days that the version scores, in words."""
    history, version_of = promotions.promotions(models, version.model), functools.partial(promotions.promoted, models)
    days = next((days for one, days in days_by_champion(history, version_of) if one.number == version.number), None)
    if days is None:
        return "scores no day"
    return f"scores from {days.first} on" if days.last == LAST else f"scores {days}"
