"""Train a network: choose the number of epochs on the validation days, then train again on all days.

Both phases run in one launch, because starting the ranks takes longer than an epoch.
"""

from __future__ import annotations

import resource
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from headrace import faults, storage
from headrace.best_effort import BestEffort
from headrace.config import Training
from headrace.encoding.encoder import Encoder
from headrace.errors import DeadlineError, TrainingDivergedError, TrainingTooSlowError
from headrace.references import imported
from headrace.storage import Place
from headrace.training import checkpoint, loop, progress
from headrace.training.batches import Batches
from headrace.training.checkpoint import Checkpoint, Position
from headrace.training.exchange import Exchange
from headrace.training.interval import Interval
from headrace.training.launcher import Launch
from headrace.training.learner import Learner
from headrace.training.progress import Epoch
from headrace.training.shards import Shards

MODEL = "model.keras"
METRICS = "epochs.jsonl"
CHOOSE, REFIT = "choose", "refit"


@dataclass(frozen=True)
class TrainingSpec:
    """What a rank needs to train.

    Args:
        network: ``module:function``, importable on every rank. It takes the encoder and returns a Keras model.
        encoder: the fitted encoder of the shards.
        train: the shards of the training days.
        validate: the shards of the validation days.
        settings: ranks, seed, batch size and so on.
        folder: takes a folder for each try, with its result. The driver and every rank must see it, and the shards.
    """

    network: str
    encoder: Encoder
    train: Shards
    validate: Shards
    settings: Training
    folder: Place


@dataclass(frozen=True)
class RankResult:
    """What a rank returns.

    It is the number of epochs, the SHA-256 of the weights, its libraries and threads, and its peak memory in bytes.
    """

    epochs: int
    weights: str
    made_by: str
    peak_bytes: int


@dataclass(frozen=True)
class Fitted:
    """A trained network.

    Args:
        model: the Keras file.
        epochs: the number of epochs that the validation days chose.
        weights: SHA-256 of the weights.
        made_by: the libraries and threads of each rank, by rank. Others can give other bits.
        history: one entry for each epoch of both phases; see `fit`.
        peak_bytes: the sum of the ranks' peak resident memory.
    """

    model: Place
    epochs: int
    weights: str
    made_by: list[str]
    history: list[Epoch]
    peak_bytes: int


def fit(launch: Launch, spec: TrainingSpec, on_epoch: Callable[[Epoch], None] = lambda _: None) -> Fitted:
    """Train on ranks. A training that was ended goes on after its last epoch.

    Each try has its own folder below ``spec.folder``, so that two trainings at the same time do not share a file.

    Args:
        launch: starts the ranks.
        spec: what to train, and on what.
        on_epoch: called after each epoch, while training runs, from another thread, and first for the epochs of an
            earlier try. An epoch has ``phase`` (``choose`` or ``refit``), ``epoch`` (from 1), ``epochs`` (the maximum),
            and the figures of `loop.train_epoch`. In the first phase it also has the figures of `loop.evaluate`.

    Raises:
        BadInputError: a batch has fewer rows than there are ranks.
        RankLostError: a rank died or never started.
        DeadlineError: the ranks did not finish in time, and at least one epoch ended, in this try or an earlier one.
        TrainingTooSlowError: not one epoch ended in time.
        TrainingDivergedError: the loss became infinite or undefined, or the ranks finished with different weights.
    """
    settings = spec.settings
    for parts in ([spec.train], [spec.train, spec.validate]):
        Batches(parts, settings.batch_size, settings.seed).check(settings.ranks)
    own = replace(spec, folder=spec.folder / uuid.uuid4().hex[:12])
    kept = checkpoint.adopted(spec.folder, own.folder / checkpoint.FOLDER)
    metrics = own.folder / METRICS
    with progress.following(metrics, on_epoch):
        try:
            results: list[RankResult] = launch(
                train,
                [own, kept],
                ranks=settings.ranks,
                start_timeout=settings.start_timeout_seconds,
                deadline=settings.deadline_minutes * 60,
            )
        except DeadlineError as late:
            if progress.read(metrics):
                raise
            hint = "Raise training.deadline_minutes, add ranks, or train on fewer days"
            raise TrainingTooSlowError(f"{late.what}, and not one epoch ended", hint) from None
    if len({rank.weights for rank in results}) > 1:
        raise TrainingDivergedError("the ranks finished with different weights", "Run all ranks on the same image")
    return Fitted(
        model=own.folder / MODEL,
        epochs=results[0].epochs,
        weights=results[0].weights,
        made_by=[rank.made_by for rank in results],
        history=progress.read(metrics),
        peak_bytes=sum(rank.peak_bytes for rank in results),
    )


def train(spec: TrainingSpec, kept: Checkpoint | None = None) -> RankResult:
    """Run both phases on one rank. Rank 0 saves the network. An error in the use case's network is a UseCaseError."""
    exchange = loop.begin(spec.settings.threads)
    kept = usable(spec, exchange, kept)
    with faults.translated(spec.network.partition(".")[0]):
        chosen = choose_epochs(spec, exchange, kept)
        learner, ended = refit(spec, exchange, chosen, kept)
    if exchange.rank == 0:
        progress.write(spec.folder / METRICS, ended.history)
        with storage.writing(spec.folder / MODEL) as file:
            learner.model.save(file)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return RankResult(chosen.best, loop.weights_digest(learner.model), checkpoint.made_by(), peak)


def usable(spec: TrainingSpec, exchange: Exchange, kept: Checkpoint | None) -> Checkpoint | None:
    """The checkpoint, if every rank has the libraries and threads that made it. Otherwise the training begins again."""
    others = kept is not None and kept.made_by != checkpoint.made_by()
    if exchange.summed(np.array([float(others)]))[0]:
        return None
    if kept and exchange.rank == 0:
        progress.write(spec.folder / METRICS, kept.position.history)
    return kept


def choose_epochs(spec: TrainingSpec, exchange: Exchange, kept: Checkpoint | None) -> Position:
    """Train on the training days. The result's ``best`` epoch has the lowest log loss on the validation days."""
    if kept and kept.position.phase == REFIT:
        return kept.position
    settings = spec.settings
    validation = Interval(spec.validate, exchange.rank, exchange.ranks)
    batches = Batches([spec.train], settings.batch_size, settings.seed)
    learner, at = _begun(spec, exchange, batches, kept, Position(phase=CHOOSE))
    while at.epoch < settings.max_epochs and at.epoch - at.best < settings.patience:
        number = at.epoch + 1
        figures = loop.train_epoch(learner, batches, number, exchange)
        figures |= loop.evaluate(learner.logits, validation, exchange)
        loss = figures["validation_loss"]
        best = {"best": number, "lowest": loss} if at.lowest is None or loss < at.lowest else {}
        history = _with(at, number, settings.max_epochs, figures)
        at = at.model_copy(update={"epoch": number, "history": history, **best})
        _ended(spec, exchange, learner, at)
    return at


def refit(
    spec: TrainingSpec, exchange: Exchange, chosen: Position, kept: Checkpoint | None
) -> tuple[Learner, Position]:
    """Train a new Keras model on the training and validation days together, for the chosen number of epochs."""
    settings = spec.settings
    batches = Batches([spec.train, spec.validate], settings.batch_size, settings.seed)
    begin = Position(phase=REFIT, best=chosen.best, history=chosen.history)
    learner, at = _begun(spec, exchange, batches, kept, begin)
    while at.epoch < chosen.best:
        number = at.epoch + 1
        figures = loop.train_epoch(learner, batches, number, exchange)
        at = at.model_copy(update={"epoch": number, "history": _with(at, number, chosen.best, figures)})
        _ended(spec, exchange, learner, at)
    return learner, at


def _begun(
    spec: TrainingSpec, exchange: Exchange, batches: Batches, kept: Checkpoint | None, begin: Position
) -> tuple[Learner, Position]:
    """A learner where its phase begins, or where an earlier try of the phase ended."""
    learner = Learner(imported(spec.network), spec.encoder, spec.settings, exchange, batches.steps)
    if kept is None or kept.position.phase != begin.phase:
        return learner, begin
    checkpoint.load(kept, learner.variables)
    learner.set_apart()
    return learner, kept.position


def _with(at: Position, number: int, epochs: int, figures: dict[str, float]) -> tuple[Epoch, ...]:
    """The history with one more epoch of at most ``epochs``."""
    return (*at.history, {"phase": at.phase, "epoch": number, "epochs": epochs} | figures)


def _ended(spec: TrainingSpec, exchange: Exchange, learner: Learner, at: Position) -> None:
    """Report an epoch and keep its state, on rank 0. Without a checkpoint, the next try starts further back."""
    if exchange.rank == 0:
        with BestEffort(f"the report of epoch {at.epoch} of {at.phase}"):
            progress.write(spec.folder / METRICS, at.history)
        with BestEffort(f"the checkpoint after epoch {at.epoch} of {at.phase}"):
            checkpoint.save(spec.folder / checkpoint.FOLDER, at, learner.variables)
