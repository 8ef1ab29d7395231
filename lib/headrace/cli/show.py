"""Looking at what is there: tables, their days and rows, and what the gate said. Nothing here starts Spark."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Column
from rich.table import Table as Grid

from headrace import declare
from headrace.config import Config
from headrace.days import DayRange, runs
from headrace.errors import HeadraceError, UnknownNameError
from headrace.lake.publications import Publication, exists, path_of, publications, table_at
from headrace.quality.quarantine import quarantine_of
from headrace.registry import promotions, verdicts, versions
from headrace.stages.build import stale_days
from headrace.stages.job import Job
from headrace.yamlfile import nearest

CONSOLE = Console()


def _grid(*headers: str) -> Grid:
    """A table without lines, in which a long text is folded and never cut off."""
    name, *others = headers
    columns = [Column(name, no_wrap=True), *[Column(header, overflow="fold") for header in others]]
    return Grid(*columns, box=None, pad_edge=False)


def show_tables(job: Job) -> None:
    """One line for each table of the use case, those of scores included."""
    grid = _grid("table", "days", "rows", "set aside", "stale days")
    for table in job.use_case.tables.values():
        published = publications(path_of(job.config.tables, table.name))
        grid.add_row(table.name, *_sums(published), _staleness(job, table.name))
    for model in job.use_case.models.values():
        grid.add_row(model.scores, *_sums(publications(path_of(job.config.tables, model.scores))), "")
    CONSOLE.print(grid)


def _sums(published: Mapping[Any, Publication]) -> tuple[str, str, str]:
    days = ", ".join(map(str, runs(published))) or "-"
    rows, aside = (sum(getattr(p, what) for p in published.values()) for what in ("rows", "quarantined"))
    return days, f"{rows:,}", f"{aside:,}"


def _staleness(job: Job, name: str) -> str:
    try:
        stale, _ = stale_days(job, job.use_case.table(name))
    except HeadraceError as error:
        return f"unknown: {error}"
    return ", ".join(map(str, stale)) or "none"


def show_table(config: Config, name: str, days: DayRange | None, rows: int) -> None:
    """Days, publish ids and some rows of a table.

    Raises:
        UnknownNameError: no such table is published.
    """
    path = path_of(config.tables, name)
    if not exists(path):
        there = [f"{p.parent.name}.{p.name}" for p in config.tables.glob("*/*") if exists(p)]
        declared = declare.load(config.use_case).tables
        hint = f"Run `headrace build {name} --days ...`" if name in declared else nearest(name, {*there, *declared})
        raise UnknownNameError(f"no table {name!r} is published in {config.tables}", hint)
    published = {day: p for day, p in publications(path).items() if days is None or day in days}
    delta = table_at(path)
    CONSOLE.print(
        f"[bold]{name}[/]  {', '.join(_sums(published)[:2])} rows  Delta version {delta.version()}  {path}",
        soft_wrap=True,
    )
    aside = sum(p.quarantined for p in published.values())
    if aside:
        CONSOLE.print(f"{aside:,} rows were set aside: headrace show {quarantine_of(name)}")
    newest = _grid("day", "rows", "set aside", "publish id", "published at")
    for day, p in list(published.items())[-5:]:
        newest.add_row(str(day), f"{p.rows:,}", f"{p.quarantined:,}", p.id, f"{p.at:%Y-%m-%d %H:%M:%S} UTC")
    CONSOLE.print(newest)
    with_rows = [day for day, p in published.items() if p.rows]
    CONSOLE.print(_sample(delta, with_rows[-1], rows) if with_rows else "no rows on these days")


def _sample(delta: Any, day: dt.date, rows: int) -> Grid:
    """The first rows of a day, a line for each column as tables are wide."""
    column = delta.metadata().partition_columns[0]
    dataset = delta.to_pyarrow_dataset(partitions=[(column, "=", str(day))])
    sample = dataset.head(rows)
    grid = _grid("column", "type", *[f"row {n + 1}" for n in range(sample.num_rows)])
    for field in sample.schema:
        values = [_cell(v) for v in sample.column(field.name).to_pylist()]
        grid.add_row(field.name, str(field.type), *values)
    return grid


def _cell(value: object) -> str:
    """A value in at most 20 characters."""
    if value is None:
        return "-"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    text = f"{value:.4f}" if isinstance(value, float) else str(value)
    return text if len(text) <= 20 else f"{text[:19]}…"


def show_report(config: Config, model: str, number: int | None) -> None:
    """The verdict on a version, its figures, and where its report lies.

    Raises:
        UnknownNameError: there is no champion, or no such version.
    """
    from headrace.stages.gate import report_path  # brings pandas, for which the other commands need not wait

    champion = promotions.champion(config.models, model)
    version = versions.version(config.models, model, number) if number is not None else champion
    if version is None:
        raise UnknownNameError(f"{model} has no champion", f"Choose a version of {model} with --version")
    verdict = verdicts.latest_verdict(version)
    CONSOLE.print(
        f"[bold]{version}[/]{'  champion' if version == champion else ''}  trained on {version.pins.get('trained_on')}"
    )
    if verdict is None:
        CONSOLE.print("the gate has not judged it")
        return
    CONSOLE.print(verdict.sentence)
    grid = _grid("", "AUC", "average precision", "log loss", "ECE")
    for name, f in verdict.evaluation["figures"].items():
        grid.add_row(name, *[f"{f[key]:.4f}" for key in ("auc", "average_precision", "log_loss", "ece")])
    CONSOLE.print(grid)
    CONSOLE.print(f"report: {report_path(config.root, version).absolute()}", soft_wrap=True)
