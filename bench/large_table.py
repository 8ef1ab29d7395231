"""What the ranks of P2-table run: a network with an embedding of a million rows."""

from __future__ import annotations

import sys
import time
from itertools import islice
from typing import Any

from headrace.config import Training
from headrace.encoding.encoder import Encoder
from headrace.training import gradients, loop
from headrace.training.batches import Batches, Part
from headrace.training.learner import Learner
from headrace.training.shards import Shards

ROWS, WIDTH = 1_000_000, 16
FACTOR = 997  # spreads the ids of a category over the table


def build(encoder: Encoder) -> Any:
    """Logits from the categories, each looked up in one large table, and from the numbers."""
    import keras

    categories = keras.Input((len(encoder.vocabulary_sizes),), dtype="int32", name="categories")
    numbers = keras.Input((encoder.width,), dtype="float32", name="numbers")
    looked_up = keras.layers.Embedding(ROWS, WIDTH)(categories * FACTOR % ROWS)
    hidden = keras.layers.Concatenate()([keras.layers.Flatten()(looked_up), numbers])
    return keras.Model([categories, numbers], keras.layers.Dense(1)(hidden))


def gathered_and_summed(files: Shards, encoder: Encoder, settings: Training, turns: int, steps: int) -> Any:
    """Runs on a rank: of each turn, the rows/s of the same steps with rows that are gathered, and with whole tables."""
    exchange = loop.begin()
    batches = Batches([files], settings.batch_size, settings.seed)
    learners = []
    for least in (gradients.LARGE, sys.maxsize):
        gradients.LARGE = least
        learners.append(Learner(build, encoder, settings, exchange, batches.steps))
    parts = list(islice(batches.epoch(1, exchange.rank, exchange.ranks), steps))
    rates = [[_rate(learner, parts) for learner in learners] for _ in range(turns + 1)]
    return rates[1:]  # the first turn warms up


def _rate(learner: Learner, parts: list[Part]) -> float:
    began = time.perf_counter()
    for part in parts:
        learner.step(part)
    rows: int = sum(part.of for part in parts)
    return rows / (time.perf_counter() - began)
