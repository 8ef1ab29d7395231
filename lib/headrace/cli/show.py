"""Tables of the lake, shown without Spark: their days, publications and some rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Column
from rich.table import Table as Grid

from headrace import declare
from headrace.config import Config
from headrace.days import DayRange, runs
from headrace.errors import HeadraceError, UnknownNameError
from headrace.hints import nearest
from headrace.lake.publications import PUBLISH_ID, Publication
from headrace.lake.table import Lake, LakeTable
from headrace.quality.quarantine import quarantine_of, quarantined_from
from headrace.stages.build_plan import stale_days
from headrace.stages.context import StageContext

if TYPE_CHECKING:
    from deltalake import DeltaTable

CONSOLE = Console()
MAX_CELL = 20  # characters
SHOWN_DAYS = 5


def grid_of(*headers: str) -> Grid:
    """A table without lines. Long texts are folded, never cut."""
    name, *others = headers
    columns = [Column(name, no_wrap=True), *[Column(header, overflow="fold") for header in others]]
    return Grid(*columns, box=None, pad_edge=False)


def show_tables(context: StageContext) -> None:
    """One line for each table of the use case, and for each table of scores."""
    grid = grid_of("table", "days", "rows", "quarantined", "stale days")
    for table in context.use_case.tables.values():
        published = context.table(table).publications
        grid.add_row(table.name, *_sums(published), _staleness(context, table.name))
    for model in context.use_case.models.values():
        grid.add_row(model.scores, *_sums(context.lake.table(model.scores).publications), "")
    CONSOLE.print(grid)
    for table in context.use_case.tables.values():
        _show_changes(context.table(table), f"build {table.name}")
    for model in context.use_case.models.values():
        _show_changes(context.lake.table(model.scores), f"score {model.name}")


def _show_changes(table: LakeTable, command: str) -> None:
    """A line for each commit of somebody else that changed days of a table, with the command that mends them."""
    by_change: dict[str, list[dt.date]] = {}
    for day, change in table.changes.items():
        by_change.setdefault(str(change), []).append(day)
    for what, changed in by_change.items():
        days = DayRange(min(changed), max(changed))
        CONSOLE.print(f"{table.name} {days}: {what}. `headrace {command} --days {days}` makes them again")


def _sums(published: Mapping[Any, Publication]) -> tuple[str, str, str]:
    days = ", ".join(map(str, runs(published))) or "-"
    rows, quarantined = (sum(getattr(p, what) for p in published.values()) for what in ("rows", "quarantined"))
    return days, f"{rows:,}", f"{quarantined:,}"


def _staleness(context: StageContext, name: str) -> str:
    try:
        stale = stale_days(context, context.use_case.table(name))
    except HeadraceError as error:
        return f"unknown: {error}"
    return ", ".join(map(str, stale)) or "none"


def show_table(config: Config, name: str, days: DayRange | None, rows: int) -> None:
    """Days, publish ids and some rows of a table.

    Raises:
        UnknownNameError: no such table is published.
    """
    table = _existing(config, name)
    published = {day: p for day, p in _publications(config, table).items() if days is None or day in days}
    delta = table.delta()
    CONSOLE.print(
        f"[bold]{name}[/]  {', '.join(_sums(published)[:2])} rows  Delta version {delta.version()}  {table.path}",
        soft_wrap=True,
    )
    quarantined = sum(p.quarantined for p in published.values())
    if quarantined:
        CONSOLE.print(f"{quarantined:,} rows were quarantined: headrace show {quarantine_of(name)}")
    declared = declare.load(config.use_case).tables.get(name)
    cut_off = declared.cut_off if declared else None
    newest = grid_of("day", "rows", "quarantined", "publish id", "published at", *(["cut-off"] if cut_off else []))
    for day, p in list(published.items())[-SHOWN_DAYS:]:
        instants = [p.at, *([cut_off.on(day)] if cut_off else [])]
        times = [f"{at:%Y-%m-%d %H:%M:%S} UTC" for at in instants]
        newest.add_row(str(day), f"{p.rows:,}", f"{p.quarantined:,}", p.id, *times)
    CONSOLE.print(newest)
    with_rows = [(day, p.id) for day, p in published.items() if p.rows]
    CONSOLE.print(_sample(delta, *with_rows[-1], rows) if with_rows else "no rows on these days")


def _publications(config: Config, table: LakeTable) -> Mapping[dt.date, Publication]:
    """A table's publications. A quarantine has the rows that were kept out of the publications of its table."""
    checked = quarantined_from(table.name)
    if checked == table.name:
        return table.publications
    standing = Lake(config.layout.tables).table(checked).publications
    return {
        day: p.model_copy(update={"rows": p.quarantined, "quarantined": 0})
        for day, p in standing.items()
        if p.quarantined
    }


def _existing(config: Config, name: str) -> LakeTable:
    lake = Lake(config.layout.tables)
    table = lake.table(name)
    if table.exists():
        return table
    declared = declare.load(config.use_case).tables
    hint = f"Run `headrace build {name} --days ...`" if name in declared else nearest(name, {*lake.names(), *declared})
    raise UnknownNameError(f"no table {name!r} is published in {lake.root}", hint)


def _sample(delta: DeltaTable, day: dt.date, publish_id: str, rows: int) -> Grid:
    """The first rows of a day that stand under its publish id. Each column is a line, because tables are wide.

    delta-rs reads them itself. Arrow's data sets read through Python in threads, and now and then such a thread aborts
    the process at its end.
    """
    import pyarrow as pa
    from deltalake import QueryBuilder

    where = f"\"{delta.metadata().partition_columns[0]}\" = '{day}'"
    if PUBLISH_ID in {field.name for field in delta.schema().fields}:
        where += f" AND \"{PUBLISH_ID}\" = '{publish_id}'"
    found = QueryBuilder().register("stored", delta).execute(f"SELECT * FROM stored WHERE {where} LIMIT {rows}")
    sample = pa.table(found.read_all())
    grid = grid_of("column", "type", *[f"row {n + 1}" for n in range(sample.num_rows)])
    for field in sample.schema:
        values = [_cell(v) for v in sample.column(field.name).to_pylist()]
        grid.add_row(field.name, str(field.type).removesuffix("_view"), *values)  # string_view is how it was read
    return grid


def _cell(value: object) -> str:
    """A value in at most 20 characters."""
    if value is None:
        return "-"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    text = f"{value:.4f}" if isinstance(value, float) else str(value)
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"
