"""Challenger, champion and baselines on the same held-out days; then the verdict, the report and the promotion."""

from __future__ import annotations

import time
from typing import Any

from headrace import storage
from headrace.days import DayRange
from headrace.errors import GateRefusedError
from headrace.evaluation import baselines
from headrace.evaluation.evaluate import Evaluation, evaluate
from headrace.evaluation.gate import CHALLENGER, CHAMPION
from headrace.evaluation.predict import Loader
from headrace.evaluation.report import render
from headrace.features.encoder import Encoder
from headrace.registry import loading, manifest, promotions, verdicts
from headrace.registry.verdicts import Verdict
from headrace.registry.versions import Version
from headrace.stages.job import Job, say
from headrace.stages.plan import Plan, labelled, write_shards
from headrace.stages.promote import promote_version
from headrace.storage import Place
from headrace.training import fit as training
from headrace.training import progress, tracking
from headrace.training.interval import Interval, joined


def judge(job: Job, planned: Plan, version: Version) -> Verdict:
    """Measure the version against the champion and the baselines on the test window; keep verdict and report.

    Raises:
        GateRefusedError: the champion learned from days of the test window, so the two cannot be compared on it.
    """
    model, config = planned.model, job.config
    champion = promotions.champion(config.models, model.name)
    loaders: dict[str, Loader] = {CHALLENGER: loading.loader(version.path)}
    if champion is not None and champion.number != version.number:
        _refuse_overlap(champion, planned.test)
        loaders[CHAMPION] = loading.loader(champion.path)
    loaders |= _baselines(job, planned, version)
    clock = time.monotonic()
    evaluation = evaluate(labelled(job, planned, planned.test), model, loaders, config.evaluation, config.training.seed)
    rows, seconds = evaluation.figures[CHALLENGER].rows, time.monotonic() - clock
    say("gate", f"{model.name} {planned.test}", rows=f"{rows:,}", s=f"{seconds:.1f}")
    for name, each in evaluation.figures.items():
        figures = {"AUC": each.auc, "AP": each.average_precision, "log loss": each.log_loss, "ECE": each.ece}
        say("gate", f"  {name:<12}", **{what: f"{value:.4f}" for what, value in figures.items()})
    _keep(job, version, evaluation)
    return verdicts.record_verdict(
        version,
        evaluation.model_dump(mode="json"),
        passed=evaluation.verdict.passed,
        sentence=evaluation.verdict.sentence,
        champion=champion,
    )


def settle(job: Job, version: Version, verdict: Verdict, promote: bool) -> None:
    """Promote the version if that is wanted, and if the gate passed it.

    Raises:
        GateRefusedError: it is to be promoted, and did not pass.
        PromotionConflictError: another promoter was first.
    """
    say("gate", verdict.sentence)
    if not promote:
        return
    if not verdict.passed:
        raise GateRefusedError(f"{version} is refused: {verdict.sentence}", "The champion stays")
    promote_version(job.config, version.model, version.number, reason="passed the gate")


def report_path(root: Place, version: Version) -> Place:
    """Where the version's report lies."""
    return root / "reports" / version.model / f"{version.number:04d}.html"


def _refuse_overlap(champion: Version, test: DayRange) -> None:
    last = DayRange.parse(champion.pins["windows"]["validate"]).last
    if last >= test.first:
        raise GateRefusedError(
            f"{champion}, the champion, learned from days until {last}, and the test window is {test}",
            "Train as on a later day, so that the test window begins after what either learned from",
        )


def _baselines(job: Job, planned: Plan, version: Version) -> dict[str, Loader]:
    """The declared baselines, fitted on what the challenger learned from, at most so many rows of it."""
    gate, settings = planned.model.gate, job.config.evaluation
    names = [name for name in dict.fromkeys([*gate.beat, *gate.report]) if name != CHAMPION]
    encoder = Encoder.from_json(manifest.read(version.path, loading.ENCODER).decode())
    intervals = [Interval(files, 0, 1) for files in write_shards(job, planned, encoder, {})]
    share = min(1.0, settings.baseline_max_rows / sum(interval.rows for interval in intervals))
    sample = joined([i.slice(0, int(i.rows * share)) for i in intervals])  # shards lie in random order
    folder, clock = job.config.work / "training" / planned.id / "baselines", time.monotonic()
    baselines.fit(
        folder,
        names,
        ids=sample.ids,
        dense=sample.dense,
        labels=sample.label.astype("int32"),
        vocabulary_sizes=encoder.vocabulary_sizes,
        seed=job.config.training.seed,
    )
    say("gate", f"{', '.join(names)} fitted", rows=f"{len(sample.label):,}", s=f"{time.monotonic() - clock:.1f}")
    return {name: baselines.loader(folder, name, encoder) for name in names}


def _keep(job: Job, version: Version, evaluation: Evaluation) -> None:
    """The report beside the models, and the figures in MLflow."""
    history = progress.read(version.path / training.METRICS)
    page = report_path(job.config.root, version)
    storage.write(page, render(evaluation, history, _shown(version)).encode())
    say("gate", f"report: {page}")
    record = tracking.at(job.config.tracking_uri, version.pins["mlflow_run_id"])
    record.figures(evaluation.figures[CHALLENGER].model_dump())
    record.tags({"verdict": evaluation.verdict.sentence})


def _shown(version: Version) -> dict[str, Any]:
    """The pins that a person reads; the inputs are in encoder.json."""
    pins = {name: pin for name, pin in version.pins.items() if name not in ("inputs", "gate")}
    return {"model": version.model, "version": version.number, "digest": version.digest, **pins}
