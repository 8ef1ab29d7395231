"""The shards that P1, P2, P3 and P10 read, and what their ranks run."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from flights.network import build
from headrace.config import Training
from headrace.days import DayRange
from headrace.encoding.encoder import Encoder
from headrace.stages.context import StageContext
from headrace.stages.plan import labelled, plan
from headrace.training import loop, shards
from headrace.training.batches import Batches
from headrace.training.exchange import Exchange
from headrace.training.interval import Interval
from headrace.training.launcher import HorovodOnSpark
from headrace.training.learner import Learner
from headrace.training.shards import Shards, Target
from pyspark.sql import functions as F

from bench.lake import MODEL, YEAR

COPIES = 4  # of the real year, each with its own keys
ON = dt.date(2013, 12, 1)
VALIDATE = DayRange.parse("2013-12-01..2013-12-31")


def shards_of_copies(context: StageContext, copies: int = COPIES, days: DayRange = YEAR) -> tuple[Shards, Encoder]:
    """The labelled rows of the days, each ``copies`` times, encoded as the declared model encodes them."""
    planned = plan(context, context.use_case.model(MODEL), ON)
    rows = labelled(context, planned, days)
    encoder = Encoder.fit(rows, planned.model.inputs, context.config.root / "ranks")
    many = rows.crossJoin(context.spark.range(copies).select(F.col("id").alias("copy")))
    key = (*planned.model.table.key, "copy")
    target = Target(f"{planned.id} {days} {copies}", key, 1, context.config.root / "ranks")
    return shards.write(many, encoder, target), encoder


def validation(context: StageContext, encoder: Encoder) -> Shards:
    """The labelled rows of December, each once."""
    planned = plan(context, context.use_case.model(MODEL), ON)
    target = Target(f"{planned.id} {VALIDATE}", tuple(planned.model.table.key), 1, context.config.root / "ranks")
    return shards.write(labelled(context, planned, VALIDATE), encoder, target)


def launched(context: StageContext, fn: Callable[..., Any], args: Sequence[Any], ranks: int) -> list[Any]:
    """Call ``fn(*args)`` on all ranks at once; returns the results, by rank."""
    start = context.config.training.start_timeout_seconds
    return HorovodOnSpark(context.spark)(fn, args, ranks=ranks, start_timeout=start, deadline=1800)


def epochs(
    files: Shards, validate: Shards, encoder: Encoder, settings: Training, cores: int, number: int
) -> list[dict[str, float]]:
    """Runs on a rank: the figures of so many epochs, on so many cores of the machine for all ranks together.

    An epoch that compiles the step comes first, and does not count.
    """
    learner, batches, exchange = _begin(files, encoder, settings, cores)
    interval = Interval(validate, exchange.rank, exchange.ranks)
    found = [
        loop.train_epoch(learner, batches, epoch, exchange) | loop.evaluate(learner.logits, interval, exchange)
        for epoch in range(number + 1)
    ]
    return found[1:]


def fed_and_from_memory(files: Shards, encoder: Encoder, settings: Training, turns: int) -> list[tuple[float, float]]:
    """Runs on a single rank: rows/s of an epoch of training, and of the same step on batches that are in memory.

    The first epoch compiles the step and does not count.
    """
    learner, batches, exchange = _begin(files, encoder, settings, cores=1)
    loop.train_epoch(learner, batches, 0, exchange)
    ready = list(batches.epoch(0))
    rates = []
    for turn in range(1, turns + 1):
        fed = loop.train_epoch(learner, batches, turn, exchange)["rows_per_second"]
        began = time.perf_counter()
        for part in ready:
            learner.step(part)
        rates.append((fed, batches.rows / (time.perf_counter() - began)))
    return rates


def ours_and_keras(files: Shards, encoder: Encoder, settings: Training, turns: int) -> list[tuple[float, float]]:
    """Runs on a single rank: rows/s of an epoch of training, and of an epoch of ``keras.Model.fit`` on a core.

    Keras trains the same network with the same optimizer, loss and batch size, compiled. It reads the same rows with
    ``tf.data`` from memory, shuffled and prefetched.
    """
    import keras
    import tensorflow as tf

    learner, batches, exchange = _begin(files, encoder, settings, cores=1)
    everything = Interval(files).slice(0, files.rows)
    data = tf.data.Dataset.from_tensor_slices(((everything.ids, everything.dense), everything.label))
    data = data.shuffle(50_000, seed=1).batch(settings.batch_size).prefetch(tf.data.AUTOTUNE)
    model = build(encoder)
    optimizer = keras.optimizers.AdamW(settings.learning_rate, weight_decay=settings.weight_decay)
    model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True))
    rates = []
    for turn in range(turns + 1):
        ours = loop.train_epoch(learner, batches, turn, exchange)["rows_per_second"]
        began = time.perf_counter()
        model.fit(data, verbose=0)
        rates.append((ours, batches.rows / (time.perf_counter() - began)))
    return rates[1:]


def loaded(files: Shards, settings: Training, turns: int) -> list[float]:
    """Runs on a single rank: rows/s of the batches of an epoch, on one core, without a network."""
    _pin(1)
    batches = Batches([files], settings.batch_size, settings.seed)
    rates = []
    for turn in range(turns + 1):
        began = time.perf_counter()
        rows = sum(len(part.rows.label) for part in batches.epoch(turn))
        rates.append(rows / (time.perf_counter() - began))
    return rates[1:]


def _begin(files: Shards, encoder: Encoder, settings: Training, cores: int) -> tuple[Learner, Batches, Exchange]:
    """Join the other ranks, all on the same cores."""
    _pin(cores)
    exchange = loop.begin(settings.threads)
    batches = Batches([files], settings.batch_size, settings.seed)
    return Learner(build, encoder, settings, exchange, batches.steps), batches, exchange


def _pin(cores: int) -> None:
    """Keep all threads of this process, also later ones, on so many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
