"""Train a challenger, put it through the gate, and promote it if it passes."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from headrace import storage, variables
from headrace.best_effort import BestEffort
from headrace.commands import Train
from headrace.encoding.encoder import Encoder
from headrace.errors import PromotionConflictError
from headrace.outcome import Result
from headrace.registry import loading, promotions, verdicts, versions
from headrace.registry.verdicts import Verdict
from headrace.registry.versions import Version
from headrace.stages.context import StageContext
from headrace.stages.encoded_windows import encoded_windows
from headrace.stages.gate import judge, refuse_overlap, settle
from headrace.stages.plan import Plan, plan
from headrace.stages.progress import log_progress
from headrace.training import fit as training
from headrace.training import tracking
from headrace.training.backlog import Backlog
from headrace.training.launcher import HorovodOnSpark
from headrace.training.progress import Epoch


class TrainResult(Result):
    """The gate's figures by model, and whether a network was trained now."""

    figures: dict[str, dict[str, float]] = {}
    trained: bool = False


def train_model(context: StageContext, command: Train) -> TrainResult:
    """Train a model for a day: test it on the days before, and learn from the days before those.

    A model that was trained already from the same data, code, configuration and seed is not trained again. It is judged
    again only if there is another champion by now.

    Raises:
        MissingLookBackError: days of the windows are not published.
        NetworkError, UseCaseError: the network cannot be trained.
        GateRefusedError: the champion learned from days of the test window. Or the model was to be promoted, and did
            not pass; it stays registered, and the champion stays.
    """
    name, models = command.model, context.layout.models
    planned = plan(context, context.use_case.model(name), dt.date.fromisoformat(command.on))
    if planned.model.table.cut_off is None:
        log_progress("train", f"{planned.model.table.name} has no cut-off: its rows show corrections that landed later")
    known = versions.trained(models, name, planned.id)
    if known is not None:
        log_progress("train", f"{known} was trained from the same data, code and configuration")
        with BestEffort("the removal of what killed tries left"):
            storage.remove(context.layout.training(planned.id).network)
    else:
        refuse_overlap(context, planned)
    version = known or _train(context, planned)
    verdict = verdicts.latest_verdict(version)
    champion = promotions.champion(models, name)
    if verdict is None or (champion not in (None, version) and champion.number != verdict.champion):
        verdict = judge(context, planned, version)
    result = _noted(context, command, planned, version, verdict, trained=known is None)
    try:
        settle(context, version, verdict, command.promote)
    except PromotionConflictError as changed:
        log_progress("gate", f"{changed.what}; it is judged again")
        verdict = judge(context, planned, version)
        result = _noted(context, command, planned, version, verdict, trained=known is None)
        settle(context, version, verdict, command.promote)
    return result


def _noted(
    context: StageContext, command: Train, planned: Plan, version: Version, verdict: Verdict, trained: bool
) -> TrainResult:
    """The result, which is noted at once: a refused challenger fails the stage, and is recorded all the same."""
    result = TrainResult(
        stage=command.stage,
        of=version.model,
        days=str(planned.on),
        version=version.number,
        passed=verdict.passed,
        sentence=verdict.sentence,
        report=storage.below(context.config.root, context.layout.report(version.model, version.number)),
        mlflow_run_id=version.pins["mlflow_run_id"],
        figures=verdict.evaluation["figures"],
        trained=trained,
    )
    context.note(result)
    return result


def _train(context: StageContext, planned: Plan) -> Version:
    model, config = planned.model, context.config
    params = {**planned.pins["training"], **planned.pins["windows"]}
    backlog = Backlog(context.layout.mlflow_backlog, model.name, planned.id)
    with tracking.run(config.tracking_uri, backlog, params, {"commit": _commit()}) as mlflow_run:

        def on_epoch(epoch: Epoch) -> None:
            _log_epoch(epoch)
            mlflow_run.epoch(epoch)

        network = f"{context.use_case.package}.{model.network}"
        encoder, files = encoded_windows(context, planned, network)
        folder = context.layout.training(planned.id).network
        spec = training.TrainingSpec(network, encoder, files[0], files[1], config.training, folder)
        fitted = training.fit(HorovodOnSpark(context.spark), spec, on_epoch)
        pins = {"mlflow_run_id": mlflow_run.id, "shards": [f.digest for f in files]}
        version = _register(context, planned, encoder, fitted, pins)
        with BestEffort("the removal of the training's files"):
            storage.remove(fitted.model.parent)
        mlflow_run.tags({"version": str(version.number)})
    return version


def _register(
    context: StageContext, planned: Plan, encoder: Encoder, fitted: training.Fitted, pins: dict[str, Any]
) -> Version:
    pins = {
        **planned.pins,
        **pins,
        "trained_on": str(planned.on),
        "commit": _commit(),
        "encoder": encoder.digest,
        "weights": fitted.weights,
        "epochs": fitted.epochs,
        "made_by": fitted.made_by,
        "image": os.environ.get(variables.IMAGE_ID, ""),
    }
    content = {"training_id": planned.id, **pins}
    return register(context.layout.models, planned.model.name, encoder, fitted, content)


def register(
    models: storage.Place, model: str, encoder: Encoder, fitted: training.Fitted, content: dict[str, Any]
) -> Version:
    """Register a trained network with its encoder and its epochs. ``content`` has the training id and the pins."""
    with tempfile.TemporaryDirectory(prefix="headrace-") as temporary:
        folder = Path(temporary)
        storage.download(fitted.model, folder / loading.MODEL)
        storage.download(fitted.model.parent / training.METRICS, folder / training.METRICS)
        (folder / loading.ENCODER).write_text(encoder.to_json(), encoding="utf-8")
        for file in encoder.files:
            storage.download(file, folder / file.name)
        return versions.register(models, model, folder, content)


def _log_epoch(epoch: Epoch) -> None:
    figures = {"loss": f"{epoch['loss']:.4f}"}
    if "validation_loss" in epoch:
        figures |= {"validation": f"{epoch['validation_loss']:.4f}", "AUC": f"{epoch['validation_auc']:.4f}"}
    figures["rows/s"] = f"{epoch['rows_per_second']:,.0f}"
    log_progress("train", f"{epoch['phase']:<6} epoch {epoch['epoch']:>2} of {epoch['epochs']}", **figures)


def _commit() -> str:
    """The commit of the code: the image's, or the checkout's."""
    if commit := os.environ.get(variables.COMMIT):
        return commit
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
