"""A training whose shards, epochs, network and baselines lie in S3, and what maintenance sweeps of such."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from headrace import declare, storage
from headrace.config import Config, Training
from headrace.errors import ArtefactError
from headrace.evaluation import baselines
from headrace.features.encoder import Encoder, FittedCategory, FittedNumber
from headrace.registry.versions import register
from headrace.stages import maintain
from headrace.stages.job import Job
from headrace.storage import S3Path
from headrace.training import fit, progress, shards
from headrace.training.launcher import HorovodOnSpark
from headrace.training.progress import Epoch
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
        shards.write(frame.where(which), ENCODER, key=["id"], content=which, folder=folder / "shards", seed=1, files=2)
        for which in ("id < 2000", "id >= 2000")
    ]
    job = fit.Job("flights.network:build", ENCODER, parts[0], parts[1], SETTINGS, folder / "network")
    here = [replace(part, folder=storage.download(part.folder, tmp_path / part.folder.name)) for part in parts]
    seen: list[Epoch] = []
    there = fit.fit(HorovodOnSpark(spark), job, seen.append)
    on_disk = fit.fit(HorovodOnSpark(spark), replace(job, train=here[0], validate=here[1], folder=tmp_path / "network"))
    assert there.model == folder / "network" / fit.MODEL
    assert (there.weights, there.epochs) == (on_disk.weights, on_disk.epochs)
    assert [epoch["loss"] for epoch in there.history] == [epoch["loss"] for epoch in on_disk.history]
    assert seen == there.history == progress.read(folder / "network" / fit.METRICS)
    with storage.local_copy(there.model) as model:
        import keras

        assert fit.loop.weights_digest(keras.models.load_model(model)) == there.weights


def test_epochs_that_are_appended_in_s3_are_followed_in_their_order(folder: S3Path) -> None:
    path, seen = folder / "epochs.jsonl", list[Epoch]()
    with progress.following(path, seen.append):
        for number in (1, 2, 3):
            progress.append(path, {"epoch": number})
    assert seen == [{"epoch": 1}, {"epoch": 2}, {"epoch": 3}]
    assert path.read_text() == '{"epoch": 1}\n{"epoch": 2}\n{"epoch": 3}\n'


@pytest.mark.parametrize("name", baselines.BASELINES)
def test_a_baseline_in_s3_scores_as_one_on_a_disk(folder: S3Path, tmp_path: Path, name: str) -> None:
    random = np.random.default_rng(1)
    ids, dense = random.integers(0, 3, (500, 1), np.int32), random.normal(size=(500, ENCODER.width)).astype(np.float32)
    labels = (dense[:, 0] + random.normal(size=500) > 0).astype(int)
    inputs = {"ids": ids, "dense": dense, "labels": labels, "vocabulary_sizes": [3], "seed": 1}
    with pytest.raises(ArtefactError, match=rf"{folder / baselines.FILES[name]} does not exist"):
        baselines.scorer(folder, name)
    for place in (folder, tmp_path):
        assert baselines.fit(place, [name], **inputs) == [place / baselines.FILES[name]]
    expected = baselines.scorer(tmp_path, name)(ids, dense)
    np.testing.assert_array_equal(baselines.scorer(folder, name)(ids, dense), expected)
    assert len(expected) == 500


def test_a_training_in_s3_is_swept_once_its_newest_object_is_old_unless_a_version_came_of_it(
    folder: S3Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(config.model_copy(update={"root": folder}), declare.load("flights"))
    trainings = job.config.work / "training"
    storage.write(tmp_path / "model" / "encoder.json", b"{}")
    kept = register(job.config.models, "flights.late15", tmp_path / "model", {"training_id": "kept"})
    claim = kept.path.with_name(f"0002{storage.CLAIM}")
    storage.create(claim, b"crashed")
    for name in ("kept", "old", "touched"):
        storage.write(trainings / name / "shards" / "shards.json", b"{}")
    time.sleep(5)
    storage.write(trainings / "touched" / "network" / "epochs.jsonl", b"")
    monkeypatch.setattr(maintain, "LEFT_AFTER_HOURS", 3 / 3600)
    left = list(maintain._left(job))
    assert left == [trainings / "old"]
    storage.remove(left[0])
    assert [each.name for each in trainings.iterdir()] == ["kept", "touched"]
    assert claim.exists()
