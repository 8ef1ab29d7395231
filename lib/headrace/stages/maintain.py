"""Compact and clean tables, and remove what has expired. A busy table, or a kind that fails, stops no other."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable

from headrace import storage
from headrace.best_effort import BestEffort
from headrace.commands import Maintain
from headrace.errors import HeadraceError, PermanentError, UnfinishedError
from headrace.lake.maintenance import RETAINED_HOURS
from headrace.lake.table import LakeTable
from headrace.outcome import Result
from headrace.quality.quarantine import prune, quarantine_of, quarantined_from
from headrace.stages.context import StageContext
from headrace.stages.progress import log_progress
from headrace.stages.retention import KINDS, Kind
from headrace.training import tracking
from headrace.training.backlog import backlogs, send_all

SHOWN = 3  # names that a line has

Failures = dict[str, HeadraceError | OSError]


class MaintainResult(Result):
    """The tables that were maintained, how many files or folders of each kind were removed, and what was left."""

    maintained: tuple[str, ...] = ()
    removed: dict[str, int] = {}
    left: tuple[str, ...] = ()


def maintain_tables(context: StageContext, command: Maintain) -> MaintainResult:
    """Maintain the tables that the command names, or all, with their quarantines and scores.

    Raises:
        UnfinishedError: something was left for later, such as a table that another writer was busy with.
        PermanentError: something cannot be done, such as reading a damaged record of the registry.
    """
    names = _tables(context, command.tables)
    tables = [table for table in map(context.lake.table, names) if table.exists()]
    left = _maintain_all(context, tables)
    maintained = tuple(table.name for table in tables if table.name not in left)
    _send_to_mlflow(context)
    removed = {kind.name: count for kind in KINDS if (count := _remove(context, kind, left))}
    result = MaintainResult(
        stage=command.stage, of=", ".join(maintained), maintained=maintained, removed=removed, left=tuple(left)
    )
    context.note(result)
    _raise(left)
    return result


def _maintain_all(context: StageContext, tables: list[LakeTable]) -> Failures:
    """Maintain each table; one that meets another writer is tried again after the others."""
    left: Failures = {}
    for once_more in (False, True):
        for table in [table for table in tables if not once_more or table.name in left]:
            try:
                _maintain(context, table)
                left.pop(table.name, None)
            except (HeadraceError, OSError) as busy:
                left[table.name] = busy
                log_progress("maintain", f"{table.name:<28} left for {'later' if once_more else 'the end'}: {busy}")
    return left


def _maintain(context: StageContext, table: LakeTable) -> None:
    clock = time.monotonic()
    saved = table.compact(context.spark)
    checked = context.lake.table(quarantined_from(table.name))
    if checked is not table:
        prune(context.spark, table.path, checked.publications, RETAINED_HOURS)
    table.vacuum(context.spark)
    log_progress("maintain", f"{table.name:<28} {saved} files fewer", s=f"{time.monotonic() - clock:.1f}")


def _send_to_mlflow(context: StageContext) -> None:
    """Send what MLflow missed of trainings. Its failures are logged, because MLflow only records."""
    waiting = backlogs(context.layout.mlflow_backlog)
    if not waiting:
        return
    sent = 0
    with BestEffort("a try to reach MLflow"):
        sent = send_all(context.layout.mlflow_backlog, tracking.client(context.config.tracking_uri))
    log_progress("maintain", f"MLflow got what it had missed of {sent} of {len(waiting)} trainings")


def _tables(context: StageContext, names: Iterable[str]) -> list[str]:
    use_case = context.use_case
    chosen = [use_case.table(name).name for name in names]
    scores = [] if chosen else [model.scores for model in use_case.models.values()]
    tables = chosen or list(use_case.tables)
    return [*tables, *map(quarantine_of, tables), *scores]


def _remove(context: StageContext, kind: Kind, left: Failures) -> int:
    """Remove what has expired of a kind; returns how many files and folders."""
    days: int | None = getattr(context.config.retention, kind.field)
    if days is None:
        return 0
    before = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
    try:
        expired = list(kind.find(context.layout, before))
        storage.for_each(context.layout.root, storage.remove, expired)
        if expired and kind.after is not None:
            kind.after(context.layout)
    except (HeadraceError, OSError) as failure:
        left[kind.name] = failure
        log_progress("maintain", f"{kind.name} left for later: {failure}")
        return 0
    if expired:
        shown = ", ".join([path.name for path in expired[:SHOWN]] + ["..."] * (len(expired) > SHOWN))
        log_progress("maintain", f"removed {len(expired)} {kind.name} older than {days} days: {shown}")
    return len(expired)


def _raise(left: Failures) -> None:
    """Raise for what was left; what no retry can mend comes first."""
    permanent = next((failure for failure in left.values() if isinstance(failure, PermanentError)), None)
    if permanent is not None:
        raise permanent
    if left:
        first = next(iter(left.values()))
        what = f"maintenance left {', '.join(left)} for later, and did all else: {first}"
        raise UnfinishedError(what, "Run it again once the other writers are done")
