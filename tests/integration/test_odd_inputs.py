"""Columns that say nothing or have no finite value: a network still trains, on what the other columns say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from headrace.config import Training
from headrace.declare import category, cyclic, number
from headrace.encoding.encoder import Encoder
from headrace.errors import BadInputError
from headrace.training import fit, progress, shards
from headrace.training.exchange import Alone
from headrace.training.fit import TrainingSpec
from headrace.training.shards import Target
from pyspark.sql import SparkSession

ODD = {
    "constant": "7.0D",
    "nothing": "cast(null AS double)",
    "infinite": "double('inf')",
    "mostly_nan": "if(id = 0, 1.0D, double('nan'))",
    "one_word": "'a'",
    "no_word": "cast(null AS string)",
    "good": "id % 7",
    "label": "int(id % 7 > 3)",
}


def test_a_network_trains_beside_constant_missing_and_infinite_inputs(spark: SparkSession, tmp_path: Path) -> None:
    frame = spark.range(600, numPartitions=2).selectExpr("id", *(f"{sql} AS {name}" for name, sql in ODD.items()))
    numbers = ["constant", "nothing", "infinite", "mostly_nan", "good"]
    inputs = [*category("one_word", "no_word"), *number(*numbers), *cyclic("infinite", period=24.0)]
    encoder = Encoder.fit(frame, inputs, tmp_path)
    files = shards.write(frame, encoder, Target("odd", ("id",), 1, tmp_path))
    settings = Training(ranks=1, batch_size=100, max_epochs=8, patience=8, learning_rate=0.01)
    spec = TrainingSpec("flights.network:build", encoder, files, files, settings, tmp_path / "network")
    fit.choose_epochs(spec, Alone(), None)
    history = progress.read(spec.folder / fit.METRICS)
    assert np.isfinite([[epoch["loss"], epoch["validation_loss"]] for epoch in history]).all()
    assert history[-1]["validation_auc"] > 0.95


@pytest.mark.parametrize("value", ["id * 1e300D", "1.7e308D"])
def test_values_whose_deviation_or_mean_is_not_finite_are_refused_by_their_column(
    spark: SparkSession, tmp_path: Path, value: str
) -> None:
    frame = spark.range(600, numPartitions=2).selectExpr(f"{value} AS huge")
    with pytest.raises(BadInputError, match="huge has values that are too large: in the training days its mean is"):
        Encoder.fit(frame, number("huge"), tmp_path)
