"""Compact and clean tables, and sweep what killed jobs and old trainings left. What a registered model pins stays."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from headrace import storage
from headrace.config import Config
from headrace.lake.maintenance import compact, vacuum
from headrace.lake.publications import exists, path_of
from headrace.quality.quarantine import quarantine_of
from headrace.registry import versions
from headrace.result import Result, tell
from headrace.sizing.ledger import recorded
from headrace.stages.job import Job, say
from headrace.storage import Place

LEFT_AFTER_HOURS = 168  # nothing younger is taken for something that was left


def maintain(job: Job, names: list[str]) -> None:
    """Maintain the tables called ``names``, or all, with their quarantines and scores."""
    with recorded(job.config.ledger, "maintain", ", ".join(names) or "all tables", "") as entry:
        maintained = [name for name in _tables(job, names) if exists(path_of(job.config.tables, name))]
        for name in maintained:
            clock = time.monotonic()
            gone = compact(job.spark, path_of(job.config.tables, name))
            vacuum(job.spark, path_of(job.config.tables, name))
            say("maintain", f"{name:<28} {gone} files fewer", s=f"{time.monotonic() - clock:.1f}")
        swept = list(_left(job))
        for path in swept:
            storage.remove(path)
            say("maintain", f"removed {path}")
        entry.facts |= {"tables": maintained, "removed": [str(path) for path in swept]}
        tell(Result(stage="maintain", of=", ".join(maintained)))


def _tables(job: Job, names: list[str]) -> Iterable[str]:
    chosen = [job.use_case.table(name).name for name in names] or list(job.use_case.tables)
    scores = [] if names else [model.scores for model in job.use_case.models.values()]
    return [*chosen, *map(quarantine_of, chosen), *scores]


def _left(job: Job) -> Iterator[Place]:
    """Work of trainings that no version came of, and what crashed writers left beside their targets."""
    kept = {v.training_id for model in job.use_case.models for v in versions.versions(job.config.models, model)}
    trainings = (path for path in (job.config.work / "training").glob("*") if path.name not in kept)
    oldest = time.time() - LEFT_AFTER_HOURS * 3600
    for path in (*trainings, *_hidden(job.config)):
        if path.exists() and _touched(path) < oldest:
            yield path


def _hidden(config: Config) -> list[Place]:
    """What writers on a disk give no name to before it is whole. In S3 there is none, as a put is whole or nothing."""
    if storage.on_s3(config.root):
        return []
    return [*config.models.rglob(".*"), *config.raw.rglob(".*"), *config.ledger.glob(".*")]


def _touched(path: Place) -> float:
    """When it was last written to (seconds since the epoch); a folder in S3 is as old as the newest object in it."""
    if storage.on_s3(path) and path.is_dir():
        return max((each.stat().st_mtime for each in path.rglob("*")), default=time.time())
    return path.stat().st_mtime
