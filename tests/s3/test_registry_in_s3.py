"""The registry in S3: versions appear whole, one promoter wins, and changed files are not loaded."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from headrace import storage
from headrace.encoding.encoder import Encoder
from headrace.encoding.fitted import FittedCategory, FittedNumber
from headrace.errors import ArtefactError, PromotionConflictError, UnknownNameError
from headrace.registry import loading, manifest
from headrace.registry.promotions import champion, promote, promotions, rollback
from headrace.registry.verdicts import latest_verdict, record_verdict
from headrace.registry.versions import Version, register, version, versions
from headrace.storage import S3Path
from pyspark.sql import SparkSession

pytestmark = pytest.mark.usefixtures("bucket")  # before Spark starts, whose workers inherit the variables
MODEL = "sales.late"
ENCODER = Encoder(
    inputs=(
        FittedCategory(column="carrier", vocabulary=("AA", "UA")),
        FittedNumber(column="wind", mean=10.0, std=5.0, clip=5.0),
    )
)
ROWS = pa.RecordBatch.from_pydict({"carrier": ["AA", "UA", None, "new"] * 50, "wind": [float(n) for n in range(200)]})


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a real network and its encoder."""
    import keras

    keras.utils.set_random_seed(1)
    folder = tmp_path_factory.mktemp("network")
    ids, dense = keras.Input((1,), dtype="int32", name="ids"), keras.Input((ENCODER.width,), name="dense")
    embedded = keras.layers.Embedding(ENCODER.vocabulary_sizes[0], 2, embeddings_initializer="normal")(ids[:, 0])
    logit = keras.layers.Dense(1, name="logit")(keras.layers.Concatenate()([embedded, dense]))
    keras.Model({"ids": ids, "dense": dense}, logit).save(folder / "model.keras")
    (folder / "encoder.json").write_text(ENCODER.to_json())
    return folder


def judged(one: Version, *, against: Version | None = None) -> Version:
    record_verdict(one, {"auc": 0.73}, passed=True, sentence="It beats all", champion=against)
    return one


def changed(content: bytes) -> bytes:
    return content[:3] + bytes([content[3] ^ 1]) + content[4:]


def test_a_version_in_s3_keeps_files_and_pins_and_has_the_digest_that_its_manifest_has(
    folder: S3Path, trained: Path
) -> None:
    one = register(folder, MODEL, trained, {"training_id": "a", "seed": 1})
    again, two = (register(folder, MODEL, trained, {"training_id": name}) for name in ("a", "b"))
    assert (one.number, one.training_id, one.pins, again) == (1, "a", {"seed": 1}, one)
    assert (one.path / "model.keras").read_bytes() == (trained / "model.keras").read_bytes()
    assert manifest.verify(one.path) == one.digest
    assert versions(folder, MODEL) == [one, two]
    assert version(folder, MODEL, 2) == two
    with pytest.raises(UnknownNameError, match=r"no version 7. Known: 1, 2"):
        version(folder, MODEL, 7)


def test_an_object_that_was_changed_or_lost_or_added_is_named(folder: S3Path, trained: Path) -> None:
    one = register(folder, MODEL, trained, {"training_id": "a"})
    storage.write(one.path / "code.py", b"")
    with pytest.raises(ArtefactError, match=rf"{one.path}/code\.py is not in the manifest"):
        manifest.verify(one.path)
    (one.path / "code.py").unlink()
    storage.write(one.path / "model.keras", changed((one.path / "model.keras").read_bytes()))
    with pytest.raises(ArtefactError, match=rf"{one.path}/model\.keras has SHA-256 \w{{12}} \(7000 bytes\)"):
        manifest.verify(one.path)
    (one.path / "model.keras").unlink()
    with pytest.raises(ArtefactError, match=rf"{one.path}/model\.keras is missing"):
        manifest.verify(one.path)


def test_a_registration_that_crashed_is_no_version_and_its_number_stays_taken(folder: S3Path, trained: Path) -> None:
    one = register(folder, MODEL, trained, {"training_id": "a"})
    storage.publish_folder(trained, one.path.with_name("0002"), last=manifest.NAME)  # which has none to be the last
    storage.create(one.path.with_name(f"0003{storage.CLAIM}"), b"crashed sooner")
    assert versions(folder, MODEL) == [one]
    with pytest.raises(ArtefactError, match=r"0002 has no manifest\.json"):
        version(folder, MODEL, 2)
    four = register(folder, MODEL, trained, {"training_id": "b"})
    assert four.number == 4
    assert manifest.verify(four.path) == four.digest
    assert versions(folder, MODEL) == [one, four]


def test_of_eight_promoters_at_the_same_time_one_wins_and_the_others_are_told(folder: S3Path, trained: Path) -> None:
    racers, barrier = 8, threading.Barrier(8)

    def race(racer: int) -> tuple[int, int | None]:
        barrier.wait()
        one = judged(register(folder, MODEL, trained, {"training_id": f"by {racer}"}))
        barrier.wait()
        try:
            return one.number, promote(folder, MODEL, one.number, reason=f"by {racer}").version
        except PromotionConflictError:
            return one.number, None

    with ThreadPoolExecutor(racers) as pool:
        outcomes = list(pool.map(race, range(racers)))
    assert sorted(number for number, _ in outcomes) == list(range(1, racers + 1))
    assert {v.training_id for v in versions(folder, MODEL)} == {f"by {racer}" for racer in range(racers)}
    [winner] = [number for number, won in outcomes if won is not None]
    [promotion] = promotions(folder, MODEL)
    now = champion(folder, MODEL)
    assert now is not None
    assert (promotion.version, promotion.version_digest, now.number) == (winner, now.digest, winner)
    assert promotion.reason == now.training_id


def test_promotions_and_roll_backs_name_the_champion_and_a_verdict_counts_for_its_bytes_alone(
    folder: S3Path, trained: Path
) -> None:
    one = judged(register(folder, MODEL, trained, {"training_id": "a"}))
    promote(folder, MODEL, 1, reason="the first")
    two = judged(register(folder, MODEL, trained, {"training_id": "b"}), against=one)
    promote(folder, MODEL, 2, reason="the second")
    assert champion(folder, MODEL) == two
    rollback(folder, MODEL, reason="too many alarms")
    assert champion(folder, MODEL) == one
    assert [(p.version, p.kind) for p in promotions(folder, MODEL)] == [(1, "promote"), (2, "promote"), (1, "rollback")]
    record = folder / MODEL / "verdicts/0002/000001.json"
    storage.write(record, record.read_bytes().replace(b"0.73", b"0.99"))
    with pytest.raises(ArtefactError, match=rf"{record} was changed"):
        latest_verdict(two)


def test_a_model_scores_from_s3_as_from_a_disk(folder: S3Path, network: Path, tmp_path: Path) -> None:
    in_s3, on_disk = (register(root, MODEL, network, {"training_id": "a"}) for root in (folder, tmp_path))
    expected = loading.load(on_disk.path).predict(ROWS)
    loaded = loading.load(in_s3.path)
    assert loaded.digest == in_s3.digest
    np.testing.assert_array_equal(loaded.predict(ROWS), expected)
    np.testing.assert_array_equal(loading.loader(in_s3.path)()(ROWS), expected)
    assert len(np.unique(expected)) > 30


def test_a_model_that_was_changed_in_s3_is_not_loaded_and_once_restored_it_is(folder: S3Path, network: Path) -> None:
    one = register(folder, MODEL, network, {"training_id": "a"})
    model, content = one.path / "model.keras", (network / "model.keras").read_bytes()
    storage.write(model, changed(content))
    with pytest.raises(ArtefactError, match=rf"{model} has SHA-256"):
        loading.load(one.path)
    storage.write(model, content)
    assert loading.load(one.path).digest == one.digest


def test_a_copy_on_this_machine_that_was_changed_is_not_loaded(folder: S3Path, network: Path) -> None:
    one = register(folder, MODEL, network, {"training_id": "a"})
    copy = storage.cached_copy(one.path, one.digest, manifest.verify)
    (copy / "encoder.json").write_text("{}")
    with pytest.raises(ArtefactError, match=r"encoder\.json has SHA-256"):
        loading.load(one.path)


@pytest.mark.slow
def test_sparks_workers_load_a_model_from_s3_and_score_as_this_process_does(
    folder: S3Path, network: Path, spark: SparkSession
) -> None:
    from headrace.scoring.batch import scores

    one = register(folder, MODEL, network, {"training_id": "a"})
    day = dt.date(2013, 12, 1)
    rows: list[dict[str, Any]] = [
        {**row, "flight": n, "day": day, "known_at": dt.datetime(2013, 12, 1)} for n, row in enumerate(ROWS.to_pylist())
    ]
    features = spark.createDataFrame(
        rows, "carrier string, wind double, flight long, day date, known_at timestamp"
    ).repartition(3)
    scored = scores(features, one, key=["flight"], day="day", publish_ids={day: "p1"}).orderBy("flight").collect()
    np.testing.assert_allclose([row.score for row in scored], loading.load(one.path).predict(ROWS), atol=1e-6)
    assert {row.model_digest for row in scored} == {one.digest}
