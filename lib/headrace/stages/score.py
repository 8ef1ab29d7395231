"""Score a range of days with a model's champion, or with another version."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

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
from headrace.stages.plan_again import planned_again
from headrace.stages.progress import log_progress, throughput

CHAMPION = "champion"


class ScoreResult(Result):
    """The ranges of days that were scored now."""

    built: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScorePlan:
    """What to score: the version, the features' publications, the scores' publish ids, and the stale days.

    ``standing`` are the publications of the scores when the plan was made.
    """

    version: Version
    features: Mapping[dt.date, Publication]
    ids: Mapping[dt.date, str]
    ranges: list[DayRange]
    standing: Mapping[dt.date, Publication]


def score_days(context: StageContext, command: Score) -> ScoreResult:
    """Publish the scores of some days. Days that the same version scored from the same features are up to date.

    With ``catch_up`` also score every other day whose features have changed since, or whose scores somebody else
    changed. Days that another version scored from today's features stay.

    Raises:
        MissingLookBackError: the features of a day are not published.
        UnknownNameError: the model has no champion, or no such version.
        ArtefactError: a file of the model does not match its manifest.
        WriteConflictError: other runs kept publishing these days.
    """
    model, days = context.use_case.model(command.model), DayRange.parse(command.days)
    scores = context.lake.table(model.scores, day=model.table.day)

    def attempt() -> ScorePlan:
        plan = _plan(context, model, days, command)
        for some in plan.ranges:
            _score_range(context, model, some, plan)
        return plan

    plan = planned_again("score", model.scores, attempt)
    rows = sum(plan.features[day].rows for day in days)
    if not plan.ranges:
        log_progress("score", f"{model.scores} {days}  up to date", rows=f"{rows:,}")
    return ScoreResult(
        stage=command.stage,
        of=model.name,
        days=str(days),
        rows=rows,
        tables={model.scores: published(scores, days)},
        version=plan.version.number,
        built=tuple(map(str, plan.ranges)),
    )


def _plan(context: StageContext, model: Model, days: DayRange, command: Score) -> ScorePlan:
    """Plan what to score. The scores are looked at first: see ``build_plan.plan_build``."""
    scores = context.lake.table(model.scores, day=model.table.day)
    scores.refresh()
    context.refresh(model.table)
    version = _version(context, model.name, command.version)
    manifest.verify(version.path)  # here, so that a changed file is the job's own error and not a worker's
    features = _features(context, model, days)
    ids = {day: _publish_id(p.id, version) for day, p in features.items()}
    ranges = stale({day: ids[day] for day in days}, scores.publish_ids)
    if command.catch_up:
        outdated = _outdated(context, model.name, features, scores.publish_ids)
        changed = [day for day in scores.changes if day in features]
        ranges = runs([*(day for some in ranges for day in some), *outdated, *changed])
    return ScorePlan(version, features, ids, ranges, scores.publications)


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


def _score_range(context: StageContext, model: Model, days: DayRange, plan: ScorePlan) -> None:
    from headrace.scoring.batch import scores

    clock, day, features = time.monotonic(), model.table.day, plan.features
    contents = DayContents(ids={d: plan.ids[d] for d in days}, rows={d: features[d].rows for d in days})
    frame = context.table(model.table).read(context.spark, days)
    sources = {d: features[d].id for d in days}
    scored = scores(frame, plan.version, key=model.table.key, day=day, publish_ids=sources)
    context.lake.table(model.scores, day=day).publish(scored, contents, plan.standing)
    figures = throughput(sum(contents.rows.values()), clock)
    log_progress("score", f"{model.scores} {days}  by version {plan.version.number}", **figures)


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
