"""Challenger, champion and baselines on the same held-out days; then the verdict, the report and the promotion."""

from __future__ import annotations

import time
from typing import Any

from headrace import storage
from headrace.best_effort import BestEffort
from headrace.commands import Promote
from headrace.days import DayRange
from headrace.encoding.encoder import Encoder
from headrace.errors import GateRefusedError
from headrace.evaluation import baselines
from headrace.evaluation.evaluate import Evaluation, evaluate
from headrace.evaluation.gate import CHALLENGER, CHAMPION
from headrace.evaluation.report import render
from headrace.registry import loading, manifest, promotions, verdicts
from headrace.registry.verdicts import Verdict
from headrace.registry.versions import Version
from headrace.scoring.prediction import Loader
from headrace.stages.context import StageContext
from headrace.stages.plan import Plan, labelled, write_shards
from headrace.stages.progress import log_progress
from headrace.stages.runner import run_stage
from headrace.training import fit as training
from headrace.training import progress, tracking
from headrace.training.backlog import Backlog
from headrace.training.interval import first_rows
from headrace.training.rows import joined


def judge(context: StageContext, planned: Plan, version: Version) -> Verdict:
    """Measure the version against the champion and the baselines on the test window; keep verdict and report.

    Raises:
        GateRefusedError: the champion learned from days of the test window, so it cannot be compared there.
    """
    model, config = planned.model, context.config
    champion = promotions.champion(context.layout.models, model.name)
    loaders: dict[str, Loader] = {CHALLENGER: loading.loader(version.path)}
    if champion is not None and champion.number != version.number:
        refuse_overlap(context, planned)
        loaders[CHAMPION] = loading.loader(champion.path)
    loaders |= _baselines(context, planned, version)
    clock, frame = time.monotonic(), labelled(context, planned, planned.test)
    evaluation = evaluate(frame, model, loaders, config.evaluation, config.training.seed)
    rows, seconds = evaluation.figures[CHALLENGER].rows, time.monotonic() - clock
    log_progress("gate", f"{model.name} {planned.test}", rows=f"{rows:,}", s=f"{seconds:.1f}")
    for name, f in evaluation.figures.items():
        figures = {"AUC": f.auc, "AP": f.average_precision, "log loss": f.log_loss, "ECE": f.ece}
        log_progress("gate", f"  {name:<12}", **{what: f"{value:.4f}" for what, value in figures.items()})
    _keep(context, version, evaluation)
    return verdicts.record_verdict(
        version,
        evaluation.model_dump(mode="json"),
        passed=evaluation.verdict.passed,
        sentence=evaluation.verdict.sentence,
        champion=champion,
    )


def settle(context: StageContext, version: Version, verdict: Verdict, promote: bool) -> None:
    """Promote the version, if that is wanted and the gate passed it.

    Raises:
        GateRefusedError: it is to be promoted, and did not pass.
        PromotionConflictError: another promoter was first.
    """
    log_progress("gate", verdict.sentence)
    if not promote:
        return
    if not verdict.passed:
        raise GateRefusedError(f"{version} is refused: {verdict.sentence}", "The champion stays")
    run_stage(context, Promote(version.model, str(version.number), reason="passed the gate"))


def refuse_overlap(context: StageContext, planned: Plan) -> None:
    """Check that the champion and a challenger can be compared on the test window.

    Raises:
        GateRefusedError: the champion learned from days of the test window.
    """
    champion, test = promotions.champion(context.layout.models, planned.model.name), planned.test
    if champion is None or CHAMPION not in planned.model.gate.opponents:
        return
    last = DayRange.parse(champion.pins["windows"]["validate"]).last
    if last >= test.first:
        raise GateRefusedError(
            f"the champion {champion} learned from days until {last}, and the test window is {test}",
            "Train for a later day, so that the test window begins after the days that both learned from",
        )


def _baselines(context: StageContext, planned: Plan, version: Version) -> dict[str, Loader]:
    """The declared baselines, fitted on a sample of the rows that the challenger learned from."""
    names, config = planned.model.gate.measured, context.config
    encoder = Encoder.from_json(manifest.read(version.path, loading.ENCODER).decode(), version.path)
    parts = write_shards(context, planned, encoder, {})
    most = baselines.most_rows(len(encoder.vocabulary_sizes) + encoder.width, config.evaluation)
    share = min(1.0, most / sum(part.rows for part in parts))
    sample = joined([first_rows(part, max(1, int(part.rows * share))) for part in parts])
    folder, clock = context.layout.training(planned.id).baselines, time.monotonic()
    baselines.fit(
        folder,
        names,
        ids=sample.ids,
        dense=sample.dense,
        labels=sample.label.astype("int32"),
        vocabulary_sizes=encoder.vocabulary_sizes,
        seed=config.training.seed,
    )
    seconds = time.monotonic() - clock
    log_progress("gate", f"{', '.join(names)} fitted", rows=f"{len(sample.label):,}", s=f"{seconds:.1f}")
    return {name: baselines.loader(folder, name, encoder) for name in names}


def _keep(context: StageContext, version: Version, evaluation: Evaluation) -> None:
    """Write the report beside the models, and the figures to MLflow. The verdict stands without either."""
    with BestEffort(f"the report on {version}"):
        history = progress.read(version.path / training.METRICS)
        page = context.layout.report(version.model, version.number)
        storage.write(page, render(evaluation, history, _shown(version)).encode())
        log_progress("gate", f"report: {page}")
    backlog = Backlog(context.layout.mlflow_backlog, version.model, version.training_id)
    mlflow_run = tracking.MlflowRun(context.config.tracking_uri, backlog, version.pins["mlflow_run_id"])
    mlflow_run.figures(evaluation.figures[CHALLENGER].model_dump())
    mlflow_run.tags({"verdict": evaluation.verdict.sentence})


def _shown(version: Version) -> dict[str, Any]:
    """The pins that a person reads; the inputs are in encoder.json."""
    pins = {name: pin for name, pin in version.pins.items() if name not in ("inputs", "gate")}
    return {"model": version.model, "version": version.number, "digest": version.digest, **pins}
