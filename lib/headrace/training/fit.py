"""Train a network: choose the number of epochs on the validation days, then train again on all days.

Both phases run in one launch, because starting the ranks takes longer than an epoch.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headrace import faults, storage
from headrace.config import Training
from headrace.encoding.encoder import Encoder
from headrace.errors import TrainingDivergedError
from headrace.references import imported
from headrace.storage import Place
from headrace.training import loop, progress
from headrace.training.batches import Batches
from headrace.training.interval import Interval
from headrace.training.launcher import Launch
from headrace.training.progress import Epoch
from headrace.training.shards import Shards

MODEL = "model.keras"
METRICS = "epochs.jsonl"


@dataclass(frozen=True)
class TrainingSpec:
    """What a rank needs to train.

    Args:
        network: ``module:function``, importable on every rank. It takes the encoder and returns a Keras model.
        encoder: the fitted encoder of the shards.
        train: the shards of the training days.
        validate: the shards of the validation days.
        settings: ranks, seed, batch size and so on.
        folder: the folder of the result. The driver and every rank must see it, and the shards.
    """

    network: str
    encoder: Encoder
    train: Shards
    validate: Shards
    settings: Training
    folder: Place


@dataclass(frozen=True)
class RankResult:
    """What a rank returns: the number of epochs, the SHA-256 of the weights, and its peak resident memory in bytes."""

    epochs: int
    weights: str
    peak_bytes: int


@dataclass(frozen=True)
class Fitted:
    """A trained network.

    Args:
        model: the Keras file.
        epochs: the number of epochs that the validation days chose.
        weights: SHA-256 of the weights.
        history: one entry for each epoch of both phases; see `fit`.
        peak_bytes: the sum of the ranks' peak resident memory.
    """

    model: Place
    epochs: int
    weights: str
    history: list[Epoch]
    peak_bytes: int


def fit(launch: Launch, spec: TrainingSpec, on_epoch: Callable[[Epoch], None] = lambda _: None) -> Fitted:
    """Train on ranks, and leave the result in ``spec.folder``.

    Args:
        launch: starts the ranks.
        spec: what to train, and on what.
        on_epoch: called after each epoch, while training runs, from another thread. An epoch has ``phase`` (``choose``
            or ``refit``), ``epoch`` (from 1), ``epochs`` (the maximum), ``loss``, ``rows_per_second`` and ``seconds``.
            In the first phase it also has ``validation_loss`` and ``validation_auc``.

    Raises:
        RankLostError: a rank died, never started, or did not finish in time.
        TrainingDivergedError: the loss became infinite or undefined, or the ranks finished with different weights.
    """
    metrics = spec.folder / METRICS
    metrics.unlink(missing_ok=True)
    settings = spec.settings
    with progress.following(metrics, on_epoch):
        results: list[RankResult] = launch(
            train,
            [spec],
            ranks=settings.ranks,
            start_timeout=settings.start_timeout_seconds,
            deadline=settings.deadline_minutes * 60,
        )
    if len({rank.weights for rank in results}) > 1:
        raise TrainingDivergedError("the ranks finished with different weights", "Run all ranks on the same image")
    peak = sum(rank.peak_bytes for rank in results)
    return Fitted(spec.folder / MODEL, results[0].epochs, results[0].weights, progress.read(metrics), peak)


def train(spec: TrainingSpec) -> RankResult:
    """Run both phases on one rank. Rank 0 saves the network. An error in the use case's network is a UseCaseError."""
    rank, ranks = loop.begin()
    with faults.translated(spec.network.partition(".")[0]):
        epochs = choose_epochs(spec, rank, ranks)
        model = refit(spec, epochs, rank, ranks)
    if rank == 0:
        with storage.writing(spec.folder / MODEL) as file:
            model.save(file)
    return RankResult(epochs, loop.weights_digest(model), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def choose_epochs(spec: TrainingSpec, rank: int, ranks: int) -> int:
    """Train on the training days. Returns the number of epochs with the lowest log loss on the validation days."""
    settings = spec.settings
    learner = loop.learner(_network(spec), settings)
    batches = Batches([spec.train], settings.batch_size, settings.seed, rank, ranks)
    validation = Interval(spec.validate, rank, ranks)
    best, lowest = 1, float("inf")
    for number in range(1, settings.max_epochs + 1):
        figures = loop.train_epoch(learner.step, batches, number) | loop.evaluate(learner.logits, validation)
        _report(spec, rank, {"phase": "choose", "epoch": number, "epochs": settings.max_epochs} | figures)
        if figures["validation_loss"] < lowest:
            best, lowest = number, figures["validation_loss"]
        if number - best >= settings.patience:
            break
    return best


def refit(spec: TrainingSpec, epochs: int, rank: int, ranks: int) -> Any:
    """Train a new Keras model on the training and validation days together."""
    settings = spec.settings
    learner = loop.learner(_network(spec), settings)
    batches = Batches([spec.train, spec.validate], settings.batch_size, settings.seed, rank, ranks)
    for number in range(1, epochs + 1):
        figures = loop.train_epoch(learner.step, batches, number)
        _report(spec, rank, {"phase": "refit", "epoch": number, "epochs": epochs} | figures)
    return learner.model


def _network(spec: TrainingSpec) -> Callable[[], Any]:
    build = imported(spec.network)
    return lambda: build(spec.encoder)


def _report(spec: TrainingSpec, rank: int, epoch: Epoch) -> None:
    if rank == 0:
        progress.append(spec.folder / METRICS, epoch)
