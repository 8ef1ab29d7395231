"""Score a range of days, each with the champion of then, or all with another version."""

from __future__ import annotations

import time
from collections.abc import Iterable

from headrace.commands import Score
from headrace.days import DayRange, runs
from headrace.declare import Model
from headrace.lake.table import DayContents
from headrace.outcome import Result
from headrace.registry.versions import Version
from headrace.stages.chunks import cut, limit_of, published_bytes, row_bytes
from headrace.stages.context import StageContext, published
from headrace.stages.plan_again import planned_again
from headrace.stages.progress import log_progress, throughput
from headrace.stages.score_plan import ScorePlan, by_version, plan_scores


class ScoreResult(Result):
    """How the days were scored.

    Attributes:
        version: the version of the last day that has one; None if no day has one.
        versions: the versions of the stage's days, by range of days.
        no_model: the days without a version: no promoted one was trained as on these days or before.
        built: the ranges of days that were scored now.
    """

    versions: dict[str, int] = {}
    no_model: tuple[str, ...] = ()
    built: tuple[str, ...] = ()


def score_days(context: StageContext, command: Score) -> ScoreResult:
    """Publish the scores of some days. Days that the same version scored from the same features are up to date.

    Each day is scored by the newest promoted version that was trained as on that day or before. Scores of another
    version are replaced, also where somebody had asked for that version. Days before the first version are reported.

    With ``catch_up`` also score, by the same rule, every other day whose features have changed since, or whose scores
    somebody else changed. Days that another version scored from today's features stay.

    Raises:
        MissingLookBackError: the features of a day that has a version are not published.
        UnknownNameError: the model was never promoted, or it has no such version.
        ArtefactError: a file of a version does not match its manifest.
        WriteConflictError: other runs kept publishing these days.
    """
    model, days = context.use_case.model(command.model), DayRange.parse(command.days)
    scores = context.lake.table(model.scores, day=model.table.day)

    def attempt() -> ScorePlan:
        plan = plan_scores(context, model, days, command)
        for some, version in plan.ranges:
            _score_range(context, model, some, version, plan)
        return plan

    plan = planned_again("score", model.scores, attempt)
    scored = [day for day in days if day in plan.versions]
    rows = sum(plan.features[day].rows for day in scored)
    if scored and not plan.ranges:
        log_progress("score", f"{model.scores} {_listed(runs(scored))}  up to date", rows=f"{rows:,}")
    if plan.no_model:
        log_progress("score", f"{model.scores} {_listed(plan.no_model)}  no model yet, so nothing is scored")
    return ScoreResult(
        stage=command.stage,
        of=model.name,
        days=str(days),
        rows=rows,
        tables={model.scores: published(scores, days)},
        version=plan.versions[scored[-1]].number if scored else None,
        versions={str(some): version.number for some, version in by_version(scored, plan.versions)},
        no_model=tuple(map(str, plan.no_model)),
        built=tuple(str(some) for some, _ in plan.ranges),
    )


def _score_range(context: StageContext, model: Model, days: DayRange, version: Version, plan: ScorePlan) -> None:
    """Score days in chunks, each in one commit."""
    a_row = row_bytes(context.use_case.contract(model.table))
    for chunk in cut(days, lambda day: plan.features[day].rows * a_row, limit_of(context), least=1):
        _score_chunk(context, model, chunk, version, plan)


def _score_chunk(context: StageContext, model: Model, days: DayRange, version: Version, plan: ScorePlan) -> None:
    from headrace.scoring.batch import scores

    clock, day, features = time.monotonic(), model.table.day, plan.features
    contents = DayContents(ids={d: plan.ids[d] for d in days}, rows={d: features[d].rows for d in days})
    frame = context.table(model.table).read(context.spark, days)
    sources = {d: features[d].id for d in days}
    scored = scores(frame, version, key=model.table.key, day=day, publish_ids=sources)
    with context.staging.part(published_bytes(context, model.table, days)) as staging:
        rows = staging.written(scored, day)
        context.lake.table(model.scores, day=day).publish(rows, contents, plan.standing)
    figures = throughput(sum(contents.rows.values()), clock)
    log_progress("score", f"{model.scores} {days}  by version {version.number}", **figures)


def _listed(ranges: Iterable[DayRange]) -> str:
    return ", ".join(map(str, ranges))
