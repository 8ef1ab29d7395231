"""A training whose shards, epochs, network and baselines are in S3, and how maintenance removes its leftovers."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from headrace import storage
from headrace.config import Training
from headrace.declare.baselines import BASELINES
from headrace.encoding.encoder import Encoder
from headrace.encoding.fitted import FittedCategory, FittedNumber
from headrace.errors import ArtefactError
from headrace.evaluation import baselines
from headrace.layout import Layout
from headrace.registry.versions import register
from headrace.stages import retention
from headrace.storage import S3Path
from headrace.training import fit, progress, shards
from headrace.training.launcher import HorovodOnSpark
from headrace.training.progress import Epoch
from headrace.training.shards import Target
from pyspark.sql import SparkSession

pytestmark = pytest.mark.usefixtures("bucket")  # before Spark starts, whose workers inherit the variables
SETTINGS = Training(batch_size=128, max_epochs=2, patience=1)
ENCODER = Encoder(
    inputs=(
        FittedCategory(column="carrier", vocabulary=("AA", "UA")),
        FittedNumber(column="wind", mean=50.0, std=30.0, clip=5.0),
    )
)


@pytest.mark.slow
def test_training_in_s3_gives_the_bits_that_it_gives_on_a_disk_and_epochs_are_seen_as_they_end(
    folder: S3Path, spark: SparkSession, tmp_path: Path
) -> None:
    frame = spark.range(3000, numPartitions=2).selectExpr(
        "id",
        "IF(id % 3 = 0, 'AA', 'UA') AS carrier",
        "CAST(id * 7919 % 100 AS DOUBLE) AS wind",
        "CAST(id * 7919 % 100 > 60 AS INT) AS label",
    )
    parts = [
        shards.write(frame.where(which), ENCODER, Target(which, ("id",), 1, folder / "shards"))
        for which in ("id < 2000", "id >= 2000")
    ]
    spec = fit.TrainingSpec("flights.network:build", ENCODER, parts[0], parts[1], SETTINGS, folder / "network")
    local = [replace(part, folder=storage.download(part.folder, tmp_path / part.folder.name)) for part in parts]
    seen: list[Epoch] = []
    in_s3 = fit.fit(HorovodOnSpark(spark), spec, seen.append)
    on_disk = fit.fit(
        HorovodOnSpark(spark), replace(spec, train=local[0], validate=local[1], folder=tmp_path / "network")
    )
    assert in_s3.model.parent.parent == folder / "network"
    assert (in_s3.weights, in_s3.epochs) == (on_disk.weights, on_disk.epochs)
    assert [epoch["loss"] for epoch in in_s3.history] == [epoch["loss"] for epoch in on_disk.history]
    assert seen == in_s3.history == progress.read(in_s3.model.parent / fit.METRICS)
    with storage.local_copy(in_s3.model) as model:
        import keras

        assert fit.loop.weights_digest(keras.models.load_model(model)) == in_s3.weights


def test_epochs_that_are_written_in_s3_are_followed_in_their_order(folder: S3Path) -> None:
    path, seen = folder / "epochs.jsonl", list[Epoch]()
    with progress.following(path, seen.append):
        for last in (1, 2, 3):
            progress.write(path, [{"epoch": number} for number in range(1, last + 1)])
    assert seen == [{"epoch": 1}, {"epoch": 2}, {"epoch": 3}]
    assert path.read_text() == '{"epoch": 1}\n{"epoch": 2}\n{"epoch": 3}\n'


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_in_s3_scores_as_one_on_a_disk(folder: S3Path, tmp_path: Path, name: str) -> None:
    random = np.random.default_rng(1)
    ids, dense = random.integers(0, 3, (500, 1), np.int32), random.normal(size=(500, ENCODER.width)).astype(np.float32)
    labels = (dense[:, 0] + random.normal(size=500) > 0).astype(int)
    inputs = {"ids": ids, "dense": dense, "labels": labels, "vocabulary_sizes": [3], "seed": 1}
    with pytest.raises(ArtefactError, match=rf"{baselines.file_of(folder, name)} does not exist"):
        baselines.scorer(folder, name)
    for place in (folder, tmp_path):
        assert baselines.fit(place, [name], **inputs) == [baselines.file_of(place, name)]
    expected = baselines.scorer(tmp_path, name)(ids, dense)
    np.testing.assert_array_equal(baselines.scorer(folder, name)(ids, dense), expected)
    assert len(expected) == 500


def test_a_training_in_s3_is_a_leftover_once_its_newest_object_is_old_unless_it_registered_a_version(
    folder: S3Path, tmp_path: Path
) -> None:
    layout = Layout(folder)
    trainings = layout.trainings
    storage.write(tmp_path / "model" / "encoder.json", b"{}")
    kept = register(layout.models, "sales.late", tmp_path / "model", {"training_id": "kept"})
    claim = kept.path.with_name(f"0002{storage.CLAIM}")
    storage.create(claim, b"crashed")
    for name in ("kept", "old", "touched"):
        storage.write(trainings / name / "shards" / "shards.json", b"{}")
    time.sleep(5)
    storage.write(trainings / "touched" / "network" / "epochs.jsonl", b"")
    left = list(retention.unregistered_trainings(layout, dt.datetime.now(dt.UTC) - dt.timedelta(seconds=3)))
    assert left == [trainings / "old"]
    storage.remove(left[0])
    assert [training.name for training in trainings.iterdir()] == ["kept", "touched"]
    assert claim.exists()
