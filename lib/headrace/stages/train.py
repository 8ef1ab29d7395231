"""Train a challenger, put it through the gate, and promote it if it passes."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from headrace import storage
from headrace.features.encoder import Encoder
from headrace.registry import loading, promotions, verdicts, versions
from headrace.registry.verdicts import Verdict
from headrace.registry.versions import Version
from headrace.result import Result, tell
from headrace.sizing.ledger import recorded
from headrace.stages.gate import judge, report_path, settle
from headrace.stages.job import Job, rate, say
from headrace.stages.plan import Plan, labelled, plan, write_shards
from headrace.training import fit as training
from headrace.training import tracking
from headrace.training.launcher import HorovodOnSpark
from headrace.training.progress import Epoch
from headrace.training.shards import Shards


def train_model(job: Job, name: str, on: dt.date, *, promote: bool = True) -> Version:
    """Train the model called ``name`` as on a day: test it on the days before, and learn from those before these.

    What was trained already, from the same data, code, configuration and seed, is not trained again, and it is judged
    again only if another champion stands by now.

    Raises:
        MissingLookBackError: days of the windows are not published.
        GateRefusedError: it was to be promoted, and did not beat what it has to beat; it stays registered, the
            champion stays.
    """
    with recorded(job.config.ledger, "train", name, str(on)) as entry:
        planned = plan(job, job.use_case.model(name), on)
        known = next((v for v in versions.versions(job.config.models, name) if v.training_id == planned.id), None)
        if known is not None:
            say("train", f"{known} was trained from the same data, code and configuration")
        version = known or _train(job, planned)
        verdict = verdicts.latest_verdict(version)
        champion = promotions.champion(job.config.models, name)
        if verdict is None or (champion not in (None, version) and champion.number != verdict.champion):
            verdict = judge(job, planned, version)
        entry.facts |= {
            "version": version.number,
            "passed": verdict.passed,
            "verdict": verdict.sentence,
            "figures": verdict.evaluation["figures"],
            "trained": known is None,
        }
        tell(_result(job, planned, version, verdict))
        settle(job, version, verdict, promote)
    return version


def _result(job: Job, planned: Plan, version: Version, verdict: Verdict) -> Result:
    return Result(
        stage="train",
        of=version.model,
        days=str(planned.on),
        version=version.number,
        passed=verdict.passed,
        sentence=verdict.sentence,
        report=storage.below(job.config.root, report_path(job.config.root, version)),
        mlflow_run_id=version.pins["mlflow_run_id"],
    )


def _train(job: Job, planned: Plan) -> Version:
    model, config = planned.model, job.config
    work = config.work / "training" / planned.id
    params = {**planned.pins["training"], **planned.pins["windows"]}
    tags = {"training_id": planned.id, "commit": _commit()}
    with tracking.run(config.tracking_uri, model.name, params, tags) as record:

        def on_epoch(epoch: Epoch) -> None:
            _say_epoch(epoch)
            record.epoch(epoch)

        encoder, files = _shards(job, planned)
        network = f"{job.use_case.package}.{model.network}"
        task = training.Job(network, encoder, files[0], files[1], config.training, work / "network")
        fitted = training.fit(HorovodOnSpark(job.spark), task, on_epoch)
        version = _register(
            job, planned, encoder, fitted, {"mlflow_run_id": record.id, "shards": [f.digest for f in files]}
        )
        record.tags({"version": str(version.number)})
    return version


def _shards(job: Job, planned: Plan) -> tuple[Encoder, list[Shards]]:
    """The encoder, fitted on the training days, and the training and validation days as encoded files."""
    clock = time.monotonic()
    learned = labelled(job, planned, planned.train).persist()
    try:
        encoder = Encoder.fit(learned, planned.model.inputs)
        files = write_shards(job, planned, encoder, {planned.train: learned})
    finally:
        learned.unpersist()
    rows, seconds = sum(f.rows for f in files), time.monotonic() - clock
    figures = {"rows": f"{rows:,}", "s": f"{seconds:.1f}", "rows/s": rate(rows, seconds)}
    say("train", f"{planned.model.name} {planned.train} and {planned.validate} as shards", **figures)
    return encoder, files


def _register(job: Job, planned: Plan, encoder: Encoder, fitted: training.Fitted, pins: dict[str, Any]) -> Version:
    pins = {
        **planned.pins,
        **pins,
        "trained_on": str(planned.on),
        "commit": _commit(),
        "encoder": encoder.digest,
        "weights": fitted.weights,
        "epochs": fitted.epochs,
    }
    with tempfile.TemporaryDirectory(prefix="headrace-") as temporary:
        folder = Path(temporary)
        storage.download(fitted.model, folder / loading.MODEL)
        storage.download(fitted.model.parent / training.METRICS, folder / training.METRICS)
        (folder / loading.ENCODER).write_text(encoder.to_json(), encoding="utf-8")
        return versions.register(job.config.models, planned.model.name, folder, {"training_id": planned.id, **pins})


def _say_epoch(epoch: Epoch) -> None:
    figures = {"loss": f"{epoch['loss']:.4f}"}
    if "validation_loss" in epoch:
        figures |= {"validation": f"{epoch['validation_loss']:.4f}", "AUC": f"{epoch['validation_auc']:.4f}"}
    figures["rows/s"] = f"{epoch['rows_per_second']:,.0f}"
    say("train", f"{epoch['phase']:<6} epoch {epoch['epoch']:>2} of {epoch['epochs']}", **figures)


def _commit() -> str:
    """The commit of the code: of the image's, or of the checkout that it runs from."""
    if known := os.environ.get("HEADRACE_COMMIT"):
        return known
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
