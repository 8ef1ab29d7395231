"""Plan scoring: the version that scores each day, the publish id that its scores will have, and the stale days."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headrace.commands import Score
from headrace.days import DayRange, runs
from headrace.declare import Model
from headrace.errors import MissingLookBackError, UnknownNameError
from headrace.lake.publications import Publication
from headrace.lake.staleness import stale
from headrace.lake.table import LakeTable
from headrace.registry import manifest, promotions, versions
from headrace.registry.champions import champions_by_day
from headrace.registry.versions import Version
from headrace.stages.context import StageContext
from headrace.stages.score_code import score_code_digest

CHAMPION = "champion"


@dataclass(frozen=True)
class ScorePlan:
    """What to score.

    Attributes:
        ranges: the stale days, in order; each range has one version.
        versions: the version of each day, whether or not it is stale.
        no_model: the days that no version may score yet.
        features: the publications of the model's table.
        ids: the publish id that the scores of each day with a version will have.
        standing: the publications of the scores when the plan was made.
    """

    ranges: list[tuple[DayRange, Version]]
    versions: Mapping[dt.date, Version]
    no_model: list[DayRange]
    features: Mapping[dt.date, Publication]
    ids: Mapping[dt.date, str]
    standing: Mapping[dt.date, Publication]


def plan_scores(context: StageContext, model: Model, days: DayRange, command: Score) -> ScorePlan:
    """Plan what to score. The scores are looked at first: see ``build_plan.plan_build``.

    Raises:
        MissingLookBackError: the features of a day that has a version are not published.
        UnknownNameError: the model was never promoted, or it has no such version.
        ArtefactError: a file of a version that would score now does not match its manifest.
    """
    scores = context.lake.table(model.scores, day=model.table.day)
    scores.refresh()
    context.refresh(model.table)
    features = context.table(model.table).publications
    others = _outdated(context, model.name, features, scores) - {*days} if command.catch_up else set()
    scoring = _versions(context, model.name, command.version, days, others)
    _refuse_missing(model, [day for day in scoring if day not in features])
    ids = {day: _publish_id(features[day].id, version, day) for day, version in scoring.items()}
    ranges = by_version((day for some in stale(ids, scores.publish_ids) for day in some), scoring)
    for version in {version.number: version for _, version in ranges}.values():
        manifest.verify(version.path)  # here, so that a changed file is the job's own error and not a worker's
    no_model = runs({*days, *others} - scoring.keys())
    return ScorePlan(ranges, scoring, no_model, features, ids, scores.publications)


def _versions(
    context: StageContext, name: str, wanted: str, days: DayRange, others: set[dt.date]
) -> dict[dt.date, Version]:
    """The version of each day. Another version than the champions is for ``days`` only, which a person named.

    A model that was never promoted is an error and not only days without a model: nothing would ever score it.
    """
    models = context.layout.models
    history, version_of = promotions.promotions(models, name), functools.partial(promotions.promoted, models)
    if wanted != CHAMPION:
        if not wanted.isdecimal():
            raise UnknownNameError(f"{wanted!r} is not a version of {name}", f"Give a number, or {CHAMPION!r}")
        chosen = dict.fromkeys(days, versions.version(models, name, int(wanted)))
        return champions_by_day(history, version_of, others) | chosen
    if not history:
        raise UnknownNameError(f"{name} has no champion", f"First run `headrace train {name} --on {dt.date.today()}`")
    return champions_by_day(history, version_of, {*days, *others})


def _outdated(
    context: StageContext, name: str, features: Mapping[dt.date, Publication], scores: LakeTable
) -> set[dt.date]:
    """The scored days whose rows somebody else changed, or that no version of the model scored from today's features.

    A promotion or a roll-back alone makes no day outdated. A day inside its version's own windows is outdated if its
    rows are not marked. Earlier releases made such rows, because their champion scored all days.
    """
    known, published = versions.versions(context.layout.models, name), scores.publish_ids

    def is_outdated(day: dt.date) -> bool:
        return published.get(day) not in {_publish_id(features[day].id, version, day) for version in known}

    return {day for day in published.keys() | scores.changes.keys() if day in features and is_outdated(day)}


def _refuse_missing(model: Model, missing: list[dt.date]) -> None:
    if missing:
        raise MissingLookBackError(
            f"{model.table.name} is not published on {', '.join(map(str, runs(missing)))}",
            f"First run `headrace build {model.table.name} --days {DayRange(min(missing), max(missing))}`",
        )


def by_version(days: Iterable[dt.date], versions: Mapping[dt.date, Version]) -> list[tuple[DayRange, Version]]:
    """The fewest ranges of consecutive days that one version scores, in order."""
    found: dict[int, list[dt.date]] = {}
    for day in days:
        found.setdefault(versions[day].number, []).append(day)
    ranges = [some for of_version in found.values() for some in runs(of_version)]
    return [(some, versions[some.first]) for some in sorted(ranges)]


def _publish_id(features: str, version: Version, day: dt.date) -> str:
    """The digest of what the rows follow from: features, version, the window that marks the rows, and our own code.

    Settings count through the features, whose ids cover them.
    """
    content = [features, version.digest, version.window_of(day) or "", score_code_digest()]
    return hashlib.sha256(" ".join(content).encode()).hexdigest()[:16]
