"""Functions that tests run on the ranks of a training."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import psutil
from headrace.config import Training
from headrace.encoding.encoder import Encoder
from headrace.errors import TrainingDivergedError
from headrace.training import loop
from headrace.training.batches import Batches
from headrace.training.exchange import Exchange
from headrace.training.learner import Learner
from headrace.training.shards import Shards

from tests.support.arrow_shards import ENCODER

# A rank cannot import the tests: pickle these functions by value.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def reduce_for_ever(folder: Path) -> None:
    """Record this rank's process in ``folder``, then sum numbers with the other ranks until killed."""
    import numpy as np

    exchange = loop.begin()
    exchange.summed(np.ones(3))
    rank = exchange.rank
    line = {"pid": os.getpid(), "started": psutil.Process().create_time()}
    with (folder / "attempts").open("a") as file:
        file.write(f"{rank}\n")
    (folder / f"{rank}.json.part").write_text(json.dumps(line))
    (folder / f"{rank}.json.part").rename(folder / f"{rank}.json")
    while True:
        exchange.summed(np.ones(3))


def diverge_on_rank_1() -> None:
    import numpy as np

    exchange = loop.begin()
    if exchange.rank == 1:
        raise TrainingDivergedError("the loss became nan in epoch 1", "Lower training.learning_rate")
    exchange.summed(np.ones(1))


def sleep() -> None:
    time.sleep(600)


def large_tables(encoder: Encoder) -> Any:
    """Two large tables. The categories look up few of their rows, and one table serves both categories."""
    import keras

    ids = keras.Input((2,), dtype="int32", name="categories")
    shared, own = keras.layers.Embedding(140_000, 2), keras.layers.Embedding(270_000, 1)
    looked_up = [shared(ids[:, 0]), shared(ids[:, 1] + 9), own(ids[:, 0])]
    return keras.Model(ids, keras.layers.Dense(1)(keras.layers.Concatenate()(looked_up)))


def begun(
    build: Callable[[Encoder], Any], files: Shards, exchange: Exchange, **settings: Any
) -> tuple[Learner, Batches]:
    """A new network that learns the rows of `learnable`, and their batches."""
    chosen = Training(batch_size=128, learning_rate=0.01, **settings)
    batches = Batches([files], chosen.batch_size, chosen.seed)
    return Learner(build, ENCODER, chosen, exchange, batches.steps), batches


def loss_of_an_epoch(
    build: Callable[[Encoder], Any], files: Shards, exchange: Exchange | None = None
) -> tuple[float, str]:
    """Train a network on the rows of `learnable` for an epoch; returns its loss and the digest of the weights."""
    exchange = exchange or loop.begin()
    learner, batches = begun(build, files, exchange)
    return loop.train_epoch(learner, batches, 1, exchange)["loss"], loop.weights_digest(learner.model)


def kill_when_ready(folder: Path, rank: int) -> list[float]:
    """Send SIGKILL to a rank of ``reduce_for_ever`` once both ranks run; the list then holds the instant."""
    at: list[float] = []

    def kill() -> None:
        while len(list(folder.glob("?.json"))) < 2:
            time.sleep(0.05)
        at.append(time.monotonic())
        os.kill(json.loads((folder / f"{rank}.json").read_text())["pid"], 9)

    threading.Thread(target=kill, daemon=True).start()
    return at


def alive(folder: Path, rank: int) -> bool:
    line = json.loads((folder / f"{rank}.json").read_text())
    try:
        process = psutil.Process(line["pid"])
        return bool(process.create_time() == line["started"]) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
