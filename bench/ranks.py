"""What P1 and P2 train on, and what their ranks run."""

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
from headrace.stages.job import Job
from headrace.stages.plan import labelled, plan
from headrace.training import loop, shards
from headrace.training.batches import Batches
from headrace.training.launcher import HorovodOnSpark
from headrace.training.shards import Shards
from pyspark.sql import functions as F

from bench.lake import MODEL, YEAR

COPIES = 4  # of the real year, each under keys of its own
ON = dt.date(2013, 12, 1)


def shards_of_copies(job: Job, copies: int = COPIES, days: DayRange = YEAR) -> tuple[Shards, Encoder]:
    """The labelled rows of the days, each ``copies`` times, encoded as the declared model has them."""
    planned = plan(job, job.use_case.model(MODEL), ON)
    rows = labelled(job, planned, days)
    encoder = Encoder.fit(rows, planned.model.inputs)
    many = rows.crossJoin(job.spark.range(copies).select(F.col("id").alias("copy")))
    content, folder = f"{planned.id} {days} {copies}", job.config.work / "ranks"
    key = [*planned.model.table.key, "copy"]
    return shards.write(many, encoder, key=key, content=content, folder=folder, seed=1), encoder


def launched(job: Job, fn: Callable[..., Any], args: Sequence[Any], ranks: int) -> list[Any]:
    """What ``fn(*args)`` returned on each rank, all ranks together on as many cores."""
    start = job.config.training.start_timeout_seconds
    return HorovodOnSpark(job.spark)(fn, args, ranks=ranks, start_timeout=start, deadline=1800)


def epoch_rates(files: Shards, encoder: Encoder, settings: Training, ranks: int, epochs: int) -> list[float]:
    """Runs on a rank: rows/s of all ranks together in each epoch, after one that compiles the step."""
    step, batches = _begin(files, encoder, settings, ranks)
    rates = [loop.train_epoch(step, batches, number)["rows_per_second"] for number in range(epochs + 1)]
    return rates[1:]


def fed_and_from_memory(files: Shards, encoder: Encoder, settings: Training, turns: int) -> list[tuple[float, float]]:
    """Runs on a single rank: rows/s of an epoch of training, and of the same step on batches that are tensors already.

    The first epoch compiles the step and is not counted.
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
    """Join the other ranks on as many cores as there are ranks; threads that start later stay on them too."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:ranks])
    rank, size = loop.begin()
    step = loop.learner(lambda: build(encoder), settings).step
    return step, Batches([files], settings.batch_size, settings.seed, rank, size)
