"""Train a network: choose the number of epochs on the validation days, then fit again on all days for that number.

Both phases run in one launch, as starting the ranks takes longer than an epoch.
"""

from __future__ import annotations

import importlib
import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headrace import storage
from headrace.config import Training
from headrace.errors import TrainingDivergedError
from headrace.features.encoder import Encoder
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
class Job:
    """All that a rank needs.

    ``network`` is ``module:function``, importable where a rank runs. Every rank and the driver must see ``folder`` and
    the shards.
    """

    network: str
    encoder: Encoder
    train: Shards
    validate: Shards
    settings: Training
    folder: Place


@dataclass(frozen=True)
class Ended:
    """What a rank hands back. ``peak_bytes`` is its largest resident memory."""

    epochs: int
    weights: str
    peak_bytes: int


@dataclass(frozen=True)
class Fitted:
    """A trained network.

    ``model`` is a Keras file, ``weights`` the SHA-256 of its weights, ``history`` has an entry for each epoch of both
    phases, and ``peak_bytes`` is the sum over ranks of their largest resident memory.
    """

    model: Place
    epochs: int
    weights: str
    history: list[Epoch]
    peak_bytes: int


def fit(launch: Launch, job: Job, on_epoch: Callable[[Epoch], None] = lambda _: None) -> Fitted:
    """Train on ranks; the result lies in ``job.folder``.

    ``on_epoch`` is called while training runs, from another thread, with ``phase`` (``choose`` or ``refit``),
    ``epoch`` (from 1), ``epochs`` (how many there are at most), ``loss``, ``rows_per_second``, ``seconds``, and in the
    first phase ``validation_loss`` and ``validation_auc``.

    Raises:
        RankLostError: a rank died, never started, or was not done in time.
        TrainingDivergedError: the loss became infinite or undefined, or the ranks ended with different weights.
    """
    metrics = job.folder / METRICS
    metrics.unlink(missing_ok=True)
    settings = job.settings
    with progress.following(metrics, on_epoch):
        ended: list[Ended] = launch(
            train,
            [job],
            ranks=settings.ranks,
            start_timeout=settings.start_timeout_seconds,
            deadline=settings.deadline_minutes * 60,
        )
    if len({rank.weights for rank in ended}) > 1:
        raise TrainingDivergedError("the ranks ended with different weights", "Run all ranks on the same image")
    peak = sum(rank.peak_bytes for rank in ended)
    return Fitted(job.folder / MODEL, ended[0].epochs, ended[0].weights, progress.read(metrics), peak)


def train(job: Job) -> Ended:
    """What each rank runs."""
    rank, ranks = loop.begin()
    epochs = choose_epochs(job, rank, ranks)
    model = refit(job, epochs, rank, ranks)
    if rank == 0:
        with storage.writing(job.folder / MODEL) as file:
            model.save(file)
    return Ended(epochs, loop.weights_digest(model), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def choose_epochs(job: Job, rank: int, ranks: int) -> int:
    """The number of epochs on the training days after which the log loss of the validation days is lowest."""
    settings = job.settings
    learner = loop.learner(_network(job), settings)
    batches = Batches([job.train], settings.batch_size, settings.seed, rank, ranks)
    validation = Interval(job.validate, rank, ranks)
    best, lowest = 1, float("inf")
    for number in range(1, settings.max_epochs + 1):
        figures = loop.train_epoch(learner.step, batches, number) | loop.evaluate(learner.logits, validation)
        _report(job, rank, {"phase": "choose", "epoch": number, "epochs": settings.max_epochs} | figures)
        if figures["validation_loss"] < lowest:
            best, lowest = number, figures["validation_loss"]
        if number - best >= settings.patience:
            break
    return best


def refit(job: Job, epochs: int, rank: int, ranks: int) -> Any:
    """A Keras model trained from the start on training and validation days together."""
    settings = job.settings
    learner = loop.learner(_network(job), settings)
    batches = Batches([job.train, job.validate], settings.batch_size, settings.seed, rank, ranks)
    for number in range(1, epochs + 1):
        figures = loop.train_epoch(learner.step, batches, number)
        _report(job, rank, {"phase": "refit", "epoch": number, "epochs": epochs} | figures)
    return learner.model


def _network(job: Job) -> Callable[[], Any]:
    module, _, function = job.network.partition(":")
    build = getattr(importlib.import_module(module), function)
    return lambda: build(job.encoder)


def _report(job: Job, rank: int, epoch: Epoch) -> None:
    if rank == 0:
        progress.append(job.folder / METRICS, epoch)
