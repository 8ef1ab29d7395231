"""Score a range of days with a model's champion, or with another version."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Mapping

from headrace.commands import Score
from headrace.days import DayRange, runs
from headrace.declare import Model
from headrace.errors import MissingLookBackError, UnknownNameError
from headrace.lake.publications import Publication
from headrace.lake.staleness import stale
from headrace.lake.table import DayContents
from headrace.outcome import Result
from headrace.registry import manifest, promotions, versions
from headrace.registry.versions import Version
from headrace.stages.context import StageContext, published
from headrace.stages.progress import log_progress, throughput

CHAMPION = "champion"


class ScoreResult(Result):
    """The ranges of days that were scored now."""

    built: tuple[str, ...] = ()


def score_days(context: StageContext, command: Score) -> ScoreResult:
    """Publish the scores of some days. Days that the same version scored from the same features are up to date.

    With ``catch_up`` also score every other day whose features have changed since. Days that another version scored
    from today's features stay.

    Raises:
        MissingLookBackError: the features of a day are not published.
        UnknownNameError: the model has no champion, or no such version.
        ArtefactError: a file of the model does not match its manifest.
    """
    model, days = context.use_case.model(command.model), DayRange.parse(command.days)
    version = _version(context, model.name, command.version)
    manifest.verify(version.path)  # here, so that a changed file is the job's own error and not a worker's
    features = _features(context, model, days)
    scores = context.lake.table(model.scores, day=model.table.day)
    expected = {day: _publish_id(p.id, version) for day, p in features.items()}
    ranges = stale({day: expected[day] for day in days}, scores.publish_ids)
    if command.catch_up:
        outdated = _outdated(context, model.name, features, scores.publish_ids)
        ranges = runs([*(day for some in ranges for day in some), *outdated])
    for some in ranges:
        _score_range(context, model, version, some, features, expected)
    rows = sum(features[day].rows for day in days)
    if not ranges:
        log_progress("score", f"{model.scores} {days}  up to date", rows=f"{rows:,}")
    return ScoreResult(
        stage=command.stage,
        of=model.name,
        days=str(days),
        rows=rows,
        tables={model.scores: published(scores, days)},
        version=version.number,
        built=tuple(map(str, ranges)),
    )


def _features(context: StageContext, model: Model, days: DayRange) -> Mapping[dt.date, Publication]:
    """All publications of the model's table, which must have all of ``days``."""
    features = context.table(model.table).publications
    missing = [day for day in days if day not in features]
    if missing:
        raise MissingLookBackError(
            f"{model.table.name} is not published on {len(missing)} of the days {days}",
            f"First run `headrace build {model.table.name} --days {missing[0]}..{missing[-1]}`",
        )
    return features


def _score_range(
    context: StageContext,
    model: Model,
    version: Version,
    days: DayRange,
    features: Mapping[dt.date, Publication],
    expected: Mapping[dt.date, str],
) -> None:
    from headrace.scoring.batch import scores

    clock, day = time.monotonic(), model.table.day
    contents = DayContents(ids={d: expected[d] for d in days}, rows={d: features[d].rows for d in days})
    frame = context.table(model.table).read(context.spark, days)
    sources = {d: features[d].id for d in days}
    scored = scores(frame, version, key=model.table.key, day=day, publish_ids=sources)
    context.lake.table(model.scores, day=day).publish(scored, days, contents)
    figures = throughput(sum(contents.rows.values()), clock)
    log_progress("score", f"{model.scores} {days}  by version {version.number}", **figures)


def _outdated(
    context: StageContext, name: str, features: Mapping[dt.date, Publication], scored: Mapping[dt.date, str]
) -> list[dt.date]:
    """The scored days that no version of the model scored from today's features."""
    known = versions.versions(context.layout.models, name)
    return [
        day
        for day, publish_id in scored.items()
        if day in features and publish_id not in {_publish_id(features[day].id, version) for version in known}
    ]


def _version(context: StageContext, name: str, wanted: str) -> Version:
    if wanted != CHAMPION:
        if not wanted.isdecimal():
            raise UnknownNameError(f"{wanted!r} is not a version of {name}", f"Give a number, or {CHAMPION!r}")
        return versions.version(context.layout.models, name, int(wanted))
    champion = promotions.champion(context.layout.models, name)
    if champion is None:
        raise UnknownNameError(f"{name} has no champion", f"First run `headrace train {name} --on {dt.date.today()}`")
    return champion


def _publish_id(features: str, version: Version) -> str:
    return hashlib.sha256(f"{features} {version.digest}".encode()).hexdigest()[:16]
