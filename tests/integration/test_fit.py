"""Training on two ranks inside Spark."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from headrace.config import Training
from headrace.declare import category, number
from headrace.encoding.encoder import Encoder
from headrace.errors import RankLostError
from headrace.training import checkpoint, fit, progress, shards
from headrace.training.checkpoint import Checkpoint
from headrace.training.fit import TrainingSpec
from headrace.training.interval import first_rows
from headrace.training.launcher import HorovodOnSpark
from headrace.training.loop import histogram_auc
from headrace.training.progress import Epoch
from headrace.training.shards import Target
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

pytestmark = pytest.mark.slow
SETTINGS = Training(batch_size=128, max_epochs=3, patience=1, threads=2)  # each rank has one core


@pytest.fixture(scope="module")
def spec(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> TrainingSpec:
    """The label depends on the carrier and the wind, with some noise."""
    folder = tmp_path_factory.mktemp("fit")
    frame = spark.range(8000, numPartitions=3).select(
        "id",
        F.concat(F.lit("C"), F.pmod(F.xxhash64("id"), F.lit(7)).cast("string")).alias("carrier"),
        (F.pmod(F.xxhash64("id", F.lit(1)), F.lit(1000)) / 1000).alias("wind"),
        (F.pmod(F.xxhash64("id", F.lit(2)), F.lit(1000)) / 1000).alias("noise"),
    )
    late = F.col("wind") + F.when(F.col("carrier").isin("C1", "C2"), 0.5).otherwise(0.0) + F.col("noise") / 2 > 1.0
    frame = frame.withColumn("label", late.cast("int"))
    train, validate = frame.where("id < 6000"), frame.where("id >= 6000")
    encoder = Encoder.fit(train, [*category("carrier"), *number("wind")], folder)
    parts = [
        shards.write(part, encoder, Target(name, ("id",), 1, folder))
        for name, part in (("train", train), ("validate", validate))
    ]
    return TrainingSpec("flights.network:build", encoder, parts[0], parts[1], SETTINGS, folder / "model")


def without_times(history: list[Epoch]) -> list[Epoch]:
    kept = ("phase", "epoch", "epochs", "loss", "validation_loss", "validation_auc")
    return [{name: figure for name, figure in epoch.items() if name in kept} for epoch in history]


def test_training_twice_gives_the_same_bits_and_both_ranks_end_with_the_same_weights(
    spark: SparkSession, spec: TrainingSpec, tmp_path: Path
) -> None:
    import keras

    seen: list[Epoch] = []
    fitted = fit.fit(HorovodOnSpark(spark), spec, seen.append)
    again = TrainingSpec(spec.network, spec.encoder, spec.train, spec.validate, spec.settings, tmp_path)
    results = HorovodOnSpark(spark)(fit.train, [again], ranks=2, start_timeout=120, deadline=300)

    assert [rank.weights for rank in results] == [fitted.weights, fitted.weights]
    assert seen == fitted.history
    assert [made_by.rpartition(", ")[2] for made_by in fitted.made_by] == ["2 threads", "2 threads"]
    assert without_times(progress.read(tmp_path / fit.METRICS)) == without_times(seen)

    chosen = [epoch for epoch in seen if epoch["phase"] == "choose"]
    assert [epoch["epoch"] for epoch in chosen] == list(range(1, len(chosen) + 1))
    assert min(chosen, key=lambda e: e["validation_loss"])["epoch"] == fitted.epochs
    assert [e["epoch"] for e in seen if e["phase"] == "refit"] == list(range(1, fitted.epochs + 1))

    model = keras.models.load_model(fitted.model)
    assert fit.loop.weights_digest(model) == fitted.weights
    rows = first_rows(spec.validate, spec.validate.rows)
    logits = np.asarray(model([rows.ids, rows.dense]))[:, 0]
    bins = [np.histogram(logits[rows.label == label], bins=500, range=(-10, 10))[0] for label in (0, 1)]
    assert histogram_auc(bins[0], bins[1]) > 0.9


class Killed:
    """Starts ranks, and kills one of them once so many epochs have ended."""

    def __init__(self, spark: SparkSession, spec: TrainingSpec, epochs: int) -> None:
        self.spark, self.spec, self.epochs = spark, spec, epochs
        self.started: list[Checkpoint | None] = []

    def __call__(self, fn: Callable[..., Any], args: Sequence[Any], **settings: Any) -> list[Any]:
        self.started.append(args[1])
        done = threading.Event()
        thread = threading.Thread(target=self._kill, args=[done], daemon=True)
        thread.start()
        try:
            return HorovodOnSpark(self.spark)(fn, args, **settings)
        finally:
            done.set()
            thread.join()

    def _kill(self, done: threading.Event) -> None:
        while not done.wait(0.02):
            kept = checkpoint.latest(self.spec.folder)
            if kept is not None and len(kept.position.history) >= self.epochs:
                ranks = [p for p in psutil.Process().children(recursive=True) if "HOROVOD_RANK" in environment(p)]
                os.kill(ranks[-1].pid, signal.SIGKILL)
                return


def environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


@pytest.mark.fault
@pytest.mark.parametrize("local_steps", [1, pytest.param(3, marks=pytest.mark.long)])
def test_a_training_whose_rank_is_killed_goes_on_after_its_last_epoch_and_gives_the_same_bits(
    spark: SparkSession, spec: TrainingSpec, tmp_path: Path, local_steps: int
) -> None:
    settings = Training(batch_size=128, max_epochs=3, patience=3, local_steps=local_steps)
    whole, broken = (replace(spec, settings=settings, folder=tmp_path / name) for name in ("whole", "broken"))
    expected = fit.fit(HorovodOnSpark(spark), whole)
    for epochs in (2, expected.epochs + 3):  # one in each phase
        launch = Killed(spark, broken, epochs)
        with pytest.raises(RankLostError):
            fit.fit(launch, broken)
    seen: list[Epoch] = []
    launch = Killed(spark, broken, 100)
    fitted = fit.fit(launch, broken, seen.append)
    assert launch.started[0] is not None
    assert (launch.started[0].position.phase, len(launch.started[0].position.history) >= 4) == ("refit", True)
    assert fitted.weights == expected.weights
    assert without_times(fitted.history) == without_times(expected.history) == without_times(seen)
