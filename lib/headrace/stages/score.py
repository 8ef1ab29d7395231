"""Score a range of days with a model's champion, or with the version that is asked for."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Mapping

from headrace.days import DayRange, runs
from headrace.declare import Model
from headrace.errors import MissingLookBackError, UnknownNameError
from headrace.lake.publications import Publication, path_of, publications
from headrace.lake.publish import publish
from headrace.lake.read import read
from headrace.lake.staleness import stale
from headrace.registry import manifest, promotions, versions
from headrace.registry.versions import Version
from headrace.result import Result, tell
from headrace.sizing.ledger import recorded
from headrace.stages.job import Job, published, rate, say

CHAMPION = "champion"


def score_days(job: Job, name: str, days: DayRange, wanted: str = CHAMPION, *, catch_up: bool = False) -> int:
    """Publish the scores of ``days``; those already scored by the same version from the same features stay as they are.

    Args:
        wanted: the number of a version, or ``champion``.
        catch_up: also score again every other day whose scores come from features that are not there any more. What
            another version scored from the features that are there stays.

    Returns:
        The rows of ``days`` in the table of scores.

    Raises:
        MissingLookBackError: the features of a day are not published.
        UnknownNameError: the model has no champion, or no such version.
        ArtefactError: a file of the model is not what its manifest says.
    """
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
        scored_before = {day: p.id for day, p in publications(table).items()}
        expected = {day: _publish_id(p.id, version) for day, p in features.items()}
        ranges = stale({day: expected[day] for day in days}, scored_before)
        if catch_up:
            outdated = _outdated(job, name, {day: p.id for day, p in features.items()}, scored_before)
            ranges = runs([*(day for each in ranges for day in each), *outdated])
        for each in ranges:
            _score_range(job, model, version, each, features, expected)
        count = sum(features[day].rows for day in days)
        if not ranges:
            say("score", f"{model.scores} {days}  is as it should be", rows=f"{count:,}")
        entry.facts |= {"version": version.number, "rows": count, "built": [str(r) for r in ranges]}
        there = {model.scores: published(table, days)}
        tell(Result(stage="score", of=name, days=str(days), rows=count, tables=there, version=version.number))
    return count


def _score_range(
    job: Job,
    model: Model,
    version: Version,
    days: DayRange,
    features: Mapping[dt.date, Publication],
    expected: Mapping[dt.date, str],
) -> None:
    from headrace.scoring.batch import scores

    clock, day = time.monotonic(), model.table.day
    ids, rows = ({d: expected[d] for d in days}, {d: features[d].rows for d in days})
    frame = read(job.spark, job.config.tables, model.table, days)
    sources = {d: features[d].id for d in days}
    scored = scores(frame, version, key=model.table.key, day=day, publish_ids=sources)
    publish(scored, path_of(job.config.tables, model.scores), day, days, ids=ids, rows=rows, quarantined={})
    seconds, count = time.monotonic() - clock, sum(rows.values())
    figures = {"rows": f"{count:,}", "s": f"{seconds:.1f}", "rows/s": rate(count, seconds)}
    say("score", f"{model.scores} {days}  by version {version.number}", **figures)


def _outdated(job: Job, name: str, features: Mapping[dt.date, str], scored: Mapping[dt.date, str]) -> list[dt.date]:
    """The days that no version of the model scored from the features that are there now."""
    known = versions.versions(job.config.models, name)
    return [
        day
        for day, publish_id in scored.items()
        if day in features and publish_id not in {_publish_id(features[day], version) for version in known}
    ]


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
