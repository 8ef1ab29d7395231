"""The shards that P1 and P2 train on, and the functions that their ranks run."""

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
from headrace.training.launcher import HorovodOnSpark
from headrace.training.shards import Shards
from pyspark.sql import functions as F

from bench.lake import MODEL, YEAR

COPIES = 4  # of the real year, each with its own keys
ON = dt.date(2013, 12, 1)


def shards_of_copies(context: StageContext, copies: int = COPIES, days: DayRange = YEAR) -> tuple[Shards, Encoder]:
    """The labelled rows of the days, each ``copies`` times, encoded as the declared model encodes them."""
    planned = plan(context, context.use_case.model(MODEL), ON)
    rows = labelled(context, planned, days)
    encoder = Encoder.fit(rows, planned.model.inputs, context.config.root / "ranks")
    many = rows.crossJoin(context.spark.range(copies).select(F.col("id").alias("copy")))
    content, folder = f"{planned.id} {days} {copies}", context.config.root / "ranks"
    key = [*planned.model.table.key, "copy"]
    return shards.write(many, encoder, key=key, content=content, folder=folder, seed=1), encoder


def launched(context: StageContext, fn: Callable[..., Any], args: Sequence[Any], ranks: int) -> list[Any]:
    """Call ``fn(*args)`` on all ranks at once, with one core for each rank; returns the results, by rank."""
    start = context.config.training.start_timeout_seconds
    return HorovodOnSpark(context.spark)(fn, args, ranks=ranks, start_timeout=start, deadline=1800)


def epoch_rates(files: Shards, encoder: Encoder, settings: Training, ranks: int, epochs: int) -> list[float]:
    """Runs on a rank: rows/s of all ranks together in each epoch. An epoch that compiles the step comes first."""
    step, batches = _begin(files, encoder, settings, ranks)
    rates = [loop.train_epoch(step, batches, number)["rows_per_second"] for number in range(epochs + 1)]
    return rates[1:]


def fed_and_from_memory(files: Shards, encoder: Encoder, settings: Training, turns: int) -> list[tuple[float, float]]:
    """Runs on a single rank: rows/s of an epoch of training, and of the same step on batches that are tensors.

    The first epoch compiles the step and does not count.
    """
    import tensorflow as tf

    step, batches = _begin(files, encoder, settings, ranks=1)
    loop.train_epoch(step, batches, 0)
    ready = [tuple(tf.constant(array) for array in batch) for batch in batches.epoch(0)]
    rows = sum(len(label) for _, _, label in ready)
    rates = []
    for turn in range(1, turns + 1):
        fed = loop.train_epoch(step, batches, turn)["rows_per_second"]
        began = time.perf_counter()
        for batch in ready:
            step(*batch)
        rates.append((fed, rows / (time.perf_counter() - began)))
    return rates


def _begin(files: Shards, encoder: Encoder, settings: Training, ranks: int) -> tuple[Callable[..., Any], Batches]:
    """Join the other ranks. All threads of this process, also later ones, stay on as many cores as there are ranks."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:ranks])
    rank, size = loop.begin()
    step = loop.learner(lambda: build(encoder), settings).step
    return step, Batches([files], settings.batch_size, settings.seed, rank, size)
