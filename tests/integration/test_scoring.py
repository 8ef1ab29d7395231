"""A real model is verified, loaded, and scores a frame in Spark's workers."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from headrace.encoding import vocabulary
from headrace.encoding.encoder import Encoder
from headrace.encoding.fitted import FittedCategory, FittedCategoryFile, FittedNumber
from headrace.errors import ArtefactError
from headrace.registry import loading, manifest
from headrace.registry.versions import Version, register

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ENCODER = Encoder(
    inputs=(
        FittedCategory(column="carrier", vocabulary=("AA", "UA")),
        FittedNumber(column="wind", mean=10.0, std=5.0, clip=5.0),
        FittedNumber(column="delay", mean=0.0, std=30.0, clip=5.0),
    )
)
FIRST, SECOND = dt.date(2013, 12, 1), dt.date(2013, 12, 2)
PUBLISHED = {FIRST: "p1", SECOND: "p2"}


def network(encoder: Encoder) -> Any:
    import keras

    ids = keras.Input((len(encoder.vocabulary_sizes),), dtype="int32", name="ids")
    dense = keras.Input((encoder.width,), dtype="float32", name="dense")
    embedded = keras.layers.Embedding(encoder.vocabulary_sizes[0], 2, embeddings_initializer="normal")(ids[:, 0])
    hidden = keras.layers.Concatenate()([embedded, dense])
    hidden = keras.layers.Dropout(0.5)(keras.layers.Dense(8, activation="relu", name="hidden")(hidden))
    return keras.Model({"ids": ids, "dense": dense}, keras.layers.Dense(1, name="logit")(hidden))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Version:
    import keras

    keras.utils.set_random_seed(1)
    folder = tmp_path_factory.mktemp("trained")
    network(ENCODER).save(folder / "model.keras")
    (folder / "encoder.json").write_text(ENCODER.to_json())
    return register(tmp_path_factory.mktemp("models"), "sales.late", folder, {"training_id": "a"})


@pytest.fixture
def registered(trained: Version, tmp_path: Path) -> Version:
    """A copy that a test may break."""
    return register(tmp_path, trained.model, trained.path, {"training_id": "a"})


@pytest.fixture(scope="module")
def features(spark: SparkSession) -> DataFrame:
    return spark.range(0, 40_000, numPartitions=4).selectExpr(
        "date_add(DATE'2013-12-01', CAST(id % 2 AS INT)) AS flight_date",
        "id AS flight",
        "element_at(array('AA', 'UA', 'new', NULL), CAST(id % 4 AS INT) + 1) AS carrier",
        "CASE WHEN id % 7 = 0 THEN NULL ELSE CAST(id % 31 AS DOUBLE) END AS wind",
        "CAST(id % 100 - 50 AS INT) AS delay",
        "raise_error('this column is not read') AS unused",
        "timestamp_seconds(1385850000 + id) AS known_at",
    )


def batch_of(features: DataFrame) -> pa.RecordBatch:
    return features.drop("unused").orderBy("flight").toArrow().combine_chunks().to_batches()[0]


def test_probabilities_are_those_of_the_network_for_batches_of_any_length(
    trained: Version, features: DataFrame
) -> None:
    import keras

    batch, model = batch_of(features), loading.load(trained.path)
    logits = keras.models.load_model(trained.path / "model.keras").predict(
        ENCODER.encode(batch)._asdict(), batch_size=1000, verbose=0
    )
    assert batch.num_rows > loading.ROWS_A_PASS
    for rows in (batch.num_rows, loading.ROWS_A_PASS, 3, 1, 0):
        found = model.predict(batch.slice(0, rows))
        assert (found.dtype, found.shape) == (np.float64, (rows,))
        np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits[:rows, 0].astype(float))), atol=1e-6)


def test_a_loader_travels_to_another_process(trained: Version, features: DataFrame) -> None:
    batch = batch_of(features).slice(0, 10)
    travelled = pickle.loads(pickle.dumps(loading.loader(trained.path)))  # noqa: S301
    np.testing.assert_array_equal(travelled()(batch), loading.load(trained.path).predict(batch))


@pytest.mark.parametrize("name", ["model.keras", "encoder.json", "version.json"])
def test_a_changed_file_is_never_loaded(registered: Version, name: str) -> None:
    with (registered.path / name).open("r+b") as stream:
        stream.write(b"?")
    with pytest.raises(ArtefactError, match=f"{name} has SHA-256"):
        loading.load(registered.path)


def test_a_version_with_a_vocabulary_in_a_file_gives_the_same_scores_until_the_file_is_changed(
    trained: Version, tmp_path: Path
) -> None:
    folder = tmp_path / "trained"
    folder.mkdir()
    vocabulary.write(pa.array(["AA", "UA"], pa.large_string()), folder / "vocabulary-00.arrow")
    digest = hashlib.sha256((folder / "vocabulary-00.arrow").read_bytes()).hexdigest()
    carrier = FittedCategoryFile(column="carrier", file="vocabulary-00.arrow", size=2, sha256=digest)
    (folder / "encoder.json").write_text(Encoder(inputs=(carrier, *ENCODER.inputs[1:])).to_json())
    shutil.copy(trained.path / "model.keras", folder)
    version = register(tmp_path / "models", "sales.late", folder, {"training_id": "b"})
    batch = pa.record_batch({"carrier": ["UA", "AA", None, "new"], "wind": [1.0] * 4, "delay": [2] * 4})
    expected = loading.load(trained.path).predict(batch)
    assert len(set(expected.tolist())) == 3
    np.testing.assert_array_equal(loading.load(version.path).predict(batch), expected)
    with (version.path / carrier.file).open("r+b") as stream:
        stream.write(b"?")
    with pytest.raises(ArtefactError, match=r"vocabulary-00\.arrow has SHA-256"):
        loading.load(version.path)


def test_a_network_that_brings_code_is_not_loaded(registered: Version) -> None:
    import keras

    inputs = {"ids": keras.Input((1,), dtype="int32"), "dense": keras.Input((4,))}
    keras.Model(inputs, keras.layers.Lambda(lambda x: x[:, :1])(inputs["dense"])).save(registered.path / "model.keras")
    manifest.write(registered.path)
    with pytest.raises(ArtefactError, match=r"model\.keras cannot be loaded.*Lambda"):
        loading.load(registered.path)


@pytest.mark.slow
def test_scores_are_those_of_the_model_and_say_where_they_come_from(trained: Version, features: DataFrame) -> None:
    from headrace.scoring.batch import scores

    scored = scores(features, trained, key=["flight_date", "flight"], day="flight_date", publish_ids=PUBLISHED)
    assert dict(scored.dtypes) == {
        "flight_date": "date", "flight": "bigint", "score": "double", "model": "string", "model_version": "int",
        "model_digest": "string", "features_publish_id": "string", "known_at": "timestamp", "model_window": "string",
    }  # fmt: skip
    found, batch = scored.orderBy("flight").toArrow(), batch_of(features)
    for column in ("flight_date", "flight", "known_at"):
        assert found[column].to_pylist() == batch[column].to_pylist()
    np.testing.assert_allclose(found["score"].to_numpy(), loading.load(trained.path).predict(batch), atol=1e-6)
    stamps = found.select(["model", "model_version", "model_digest"]).group_by(
        ["model", "model_version", "model_digest"]
    )
    assert stamps.aggregate([]).to_pylist() == [
        {"model": "sales.late", "model_version": 1, "model_digest": trained.digest}
    ]
    assert found["features_publish_id"].to_pylist() == [PUBLISHED[d] for d in found["flight_date"].to_pylist()]


@pytest.mark.slow
def test_a_worker_loads_the_model_once(trained: Version, features: DataFrame) -> None:
    from headrace.scoring.batch import scores

    def loads(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from headrace.scoring import prediction

        list(batches)
        cache = prediction.predictor.cache_info()
        yield pa.RecordBatch.from_pydict({"pid": [os.getpid()], "loads": [cache.misses], "tasks": [cache.hits]})

    before = dict(_by_worker(features, loads))
    scored = scores(features, trained, key=["flight"], day="flight_date", publish_ids=PUBLISHED)
    for _ in range(3):
        scored.write.format("noop").mode("overwrite").save()
    after = _by_worker(features, loads)
    assert any(tasks > 0 for _, (_, tasks) in after)
    assert all(loaded - before.get(pid, (0, 0))[0] <= 1 for pid, (loaded, _) in after)


def _by_worker(
    features: DataFrame, loads: Callable[..., Iterator[pa.RecordBatch]]
) -> list[tuple[int, tuple[int, int]]]:
    rows = features.select("flight").mapInArrow(loads, "pid long, loads long, tasks long").collect()
    return [(row.pid, (row.loads, row.tasks)) for row in rows]


@pytest.mark.slow
def test_a_model_that_changes_under_the_job_scores_nothing(registered: Version, features: DataFrame) -> None:
    from headrace.scoring.batch import scores

    scored = scores(features, registered, key=["flight"], day="flight_date", publish_ids=PUBLISHED)
    with (registered.path / "model.keras").open("r+b") as stream:
        stream.write(b"?")
    with pytest.raises(Exception, match=r"ArtefactError.*model\.keras has SHA-256"):
        scored.collect()


@pytest.mark.slow
def test_a_day_without_a_publish_id_is_not_scored(trained: Version, features: DataFrame) -> None:
    from headrace.scoring.batch import scores

    scored = scores(features, trained, key=["flight"], day="flight_date", publish_ids={FIRST: "p1"})
    with pytest.raises(Exception, match="the features have no publish id on 2013-12-02"):
        scored.collect()
