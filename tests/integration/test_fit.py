"""Training on two ranks inside Spark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from headrace.config import Training
from headrace.declare import category, number
from headrace.encoding.encoder import Encoder
from headrace.training import fit, shards
from headrace.training.fit import TrainingSpec
from headrace.training.interval import Interval
from headrace.training.launcher import HorovodOnSpark
from headrace.training.loop import histogram_auc
from headrace.training.progress import Epoch
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

pytestmark = pytest.mark.slow
SETTINGS = Training(batch_size=128, max_epochs=3, patience=1)


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
        shards.write(part, encoder, key=["id"], content=name, folder=folder, seed=1, ranks=2)
        for name, part in (("train", train), ("validate", validate))
    ]
    return TrainingSpec("flights.network:build", encoder, parts[0], parts[1], SETTINGS, folder / "model")


def without_times(history: list[Epoch]) -> list[Epoch]:
    return [{k: v for k, v in epoch.items() if k not in ("seconds", "rows_per_second")} for epoch in history]


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
    assert without_times(fit.progress.read(tmp_path / fit.METRICS)) == without_times(seen)

    chosen = [epoch for epoch in seen if epoch["phase"] == "choose"]
    assert [epoch["epoch"] for epoch in chosen] == list(range(1, len(chosen) + 1))
    assert min(chosen, key=lambda e: e["validation_loss"])["epoch"] == fitted.epochs
    assert [e["epoch"] for e in seen if e["phase"] == "refit"] == list(range(1, fitted.epochs + 1))

    model = keras.models.load_model(fitted.model)
    assert fit.loop.weights_digest(model) == fitted.weights
    rows = Interval(spec.validate, 0, 1).slice(0, spec.validate.rows)
    logits = np.asarray(model({"ids": rows.ids, "dense": rows.dense}))[:, 0]
    bins = [np.histogram(logits[rows.label == label], bins=500, range=(-10, 10))[0] for label in (0, 1)]
    assert histogram_auc(bins[0], bins[1]) > 0.9
