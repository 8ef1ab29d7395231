"""Compact and clean tables, and remove leftovers of killed jobs and old trainings. What a version pins stays."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from headrace import storage
from headrace.commands import Maintain
from headrace.lake.table import LakeTable
from headrace.layout import Layout
from headrace.outcome import Result
from headrace.quality.quarantine import quarantine_of
from headrace.registry import versions
from headrace.stages.context import StageContext
from headrace.stages.progress import log_progress
from headrace.storage import Place

LEFTOVER_HOURS = 168  # nothing younger counts as a leftover


class MaintainResult(Result):
    """The tables that were maintained, and the leftovers that were removed."""

    maintained: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def maintain_tables(context: StageContext, command: Maintain) -> MaintainResult:
    """Maintain the tables that the command names, or all, with their quarantines and scores."""
    names = _tables(context, command.tables)
    tables = [table for table in map(context.lake.table, names) if table.exists()]
    for table in tables:
        _maintain(context, table)
    removed = list(_leftovers(context))
    for path in removed:
        storage.remove(path)
        log_progress("maintain", f"removed {path}")
    maintained = [table.name for table in tables]
    return MaintainResult(
        stage=command.stage,
        of=", ".join(maintained),
        maintained=tuple(maintained),
        removed=tuple(str(path) for path in removed),
    )


def _maintain(context: StageContext, table: LakeTable) -> None:
    clock = time.monotonic()
    saved = table.compact(context.spark)
    table.vacuum(context.spark)
    log_progress("maintain", f"{table.name:<28} {saved} files fewer", s=f"{time.monotonic() - clock:.1f}")


def _tables(context: StageContext, names: Iterable[str]) -> list[str]:
    use_case = context.use_case
    chosen = [use_case.table(name).name for name in names]
    scores = [] if chosen else [model.scores for model in use_case.models.values()]
    tables = chosen or list(use_case.tables)
    return [*tables, *map(quarantine_of, tables), *scores]


def _leftovers(context: StageContext) -> Iterator[Place]:
    """Leftovers of trainings that never registered a version, and of writers that crashed."""
    layout, models = context.layout, context.use_case.models
    registered = {v.training_id for model in models for v in versions.versions(layout.models, model)}
    trainings = (path for path in layout.trainings.glob("*") if path.name not in registered)
    oldest = time.time() - LEFTOVER_HOURS * 3600
    for path in (*trainings, *_partial_files(layout)):
        if path.exists() and _modified(path) < oldest:
            yield path


def _partial_files(layout: Layout) -> list[Place]:
    """Hidden files: a writer on a disk renames its file once it is whole. In S3 a put is whole or nothing."""
    if storage.on_s3(layout.root):
        return []
    return [*layout.models.rglob(".*"), *layout.raw.rglob(".*"), *layout.ledger.glob(".*")]


def _modified(path: Place) -> float:
    """The time of the last write, in seconds since the epoch. A folder in S3 is as old as its newest object."""
    if storage.on_s3(path) and path.is_dir():
        return max((file.stat().st_mtime for file in path.rglob("*")), default=time.time())
    return path.stat().st_mtime
