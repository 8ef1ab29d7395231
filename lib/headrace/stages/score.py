"""Score a range of days with a model's champion, or with the version that is asked for."""

from __future__ import annotations

import datetime as dt
import hashlib
import time

from headrace.days import DayRange
from headrace.errors import MissingLookBackError, UnknownNameError
from headrace.lake.publications import path_of, publications
from headrace.lake.publish import publish
from headrace.lake.read import read
from headrace.lake.staleness import stale
from headrace.registry import manifest, promotions, versions
from headrace.registry.versions import Version
from headrace.result import Result, tell
from headrace.sizing.ledger import recorded
from headrace.stages.job import Job, published, rate, say

CHAMPION = "champion"


def score_days(job: Job, name: str, days: DayRange, wanted: str = CHAMPION) -> int:
    """Publish the scores of ``days``; those already scored by the same version from the same features stay as they are.

    Args:
        wanted: the number of a version, or ``champion``.

    Returns:
        The rows of ``days`` in the table of scores.

    Raises:
        MissingLookBackError: the features of a day are not published.
        UnknownNameError: the model has no champion, or no such version.
        ArtefactError: a file of the model is not what its manifest says.
    """
    from headrace.scoring.batch import scores

    model = job.use_case.model(name)
    with recorded(job.config.ledger, "score", name, str(days)) as entry:
        version = _version(job, name, wanted)
        manifest.verify(version.path)  # here, so that a changed file is the job's own error and not a worker's
        features = publications(path_of(job.config.tables, model.table.name))
        missing = [day for day in days if day not in features]
        if missing:
            raise MissingLookBackError(
                f"{model.table.name} is not published on {len(missing)} of the days {days}",
                f"First run `headrace build {model.table.name} --days {missing[0]}..{missing[-1]}`",
            )
        table = path_of(job.config.tables, model.scores)
        expected = {day: _publish_id(features[day].id, version) for day in days}
        ranges = stale(expected, {day: p.id for day, p in publications(table).items()})
        for each in ranges:
            clock = time.monotonic()
            ids = {day: expected[day] for day in each}
            rows = {day: features[day].rows for day in each}
            sources = {day: features[day].id for day in each}
            frame = read(job.spark, job.config.tables, model.table, each)
            scored = scores(frame, version, key=model.table.key, day=model.table.day, publish_ids=sources)
            publish(scored, table, model.table.day, each, ids=ids, rows=rows, quarantined={})
            seconds, count = time.monotonic() - clock, sum(rows.values())
            figures = {"rows": f"{count:,}", "s": f"{seconds:.1f}", "rows/s": rate(count, seconds)}
            say("score", f"{model.scores} {each}  by version {version.number}", **figures)
        count = sum(features[day].rows for day in days)
        if not ranges:
            say("score", f"{model.scores} {days}  is as it should be", rows=f"{count:,}")
        entry.facts |= {"version": version.number, "rows": count, "built": [str(r) for r in ranges]}
        there = {model.scores: published(table, days)}
        tell(Result(stage="score", of=name, days=str(days), rows=count, tables=there, version=version.number))
    return count


def _version(job: Job, name: str, wanted: str) -> Version:
    if wanted != CHAMPION:
        if not wanted.isdecimal():
            raise UnknownNameError(f"{wanted!r} is no version of {name}", f"Give a number, or {CHAMPION!r}")
        return versions.version(job.config.models, name, int(wanted))
    champion = promotions.champion(job.config.models, name)
    if champion is None:
        raise UnknownNameError(f"{name} has no champion", f"Run `headrace train {name} --on {dt.date.today()}` first")
    return champion


def _publish_id(features: str, version: Version) -> str:
    return hashlib.sha256(f"{features} {version.digest}".encode()).hexdigest()[:16]
