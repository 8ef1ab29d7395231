"""Predictions, counts and baselines in real Spark workers agree with the same sums over the rows."""

from __future__ import annotations

import datetime as dt
import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from headrace.config import Evaluation as Settings
from headrace.declare import Days, Gate, Model, Table, category, number
from headrace.declare.baselines import BASELINES
from headrace.encoding.encoder import Encoder
from headrace.errors import ArtefactError, GateRefusedError, TrainingDivergedError
from headrace.evaluation import baselines
from headrace.evaluation.evaluate import evaluate
from headrace.evaluation.histogram import bin_edges, counted
from headrace.scoring.prediction import with_scores
from pyspark import cloudpickle
from pyspark.sql import DataFrame, SparkSession
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # a worker cannot import a test

INPUTS = [*category("carrier", min_count=5), *number("wind")]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Rows of ten days. The label depends on carrier and wind; some carriers are null, and OO is rare."""
    random = np.random.default_rng(7)
    n = 6000
    carrier = random.choice(["AA", "UA", "OO"], n, p=[0.5, 0.499, 0.001])
    wind = random.normal(10, 4, n)
    odds = -1.5 + (carrier == "UA") * 0.9 + (wind - 10) * 0.2
    day = [dt.date(2013, 10, 1) + dt.timedelta(days=int(d)) for d in random.integers(0, 10, n)]
    label = (random.random(n) < 1 / (1 + np.exp(-odds))).astype("int32")
    carrier = np.where(random.random(n) < 0.05, None, carrier)
    return pd.DataFrame({"day": day, "carrier": carrier, "wind": wind, "label": label})


@pytest.fixture(scope="module")
def frame(spark: SparkSession, rows: pd.DataFrame) -> DataFrame:
    return spark.createDataFrame(rows, "day date, carrier string, wind double, label int").repartition(4).cache()


def batch(rows: pd.DataFrame) -> pa.RecordBatch:
    return pa.RecordBatch.from_pandas(rows[["carrier", "wind"]], preserve_index=False)


@dataclass(frozen=True)
class Sigmoid:
    """A loader that notes each load in a folder. Its predictor uses the wind only."""

    slope: float
    notes: Path | None = None

    def __call__(self) -> Callable[[pa.RecordBatch], np.ndarray]:
        if self.notes:
            (self.notes / f"{os.getpid()}-{uuid.uuid4()}").touch()
        return partial(sigmoid, self.slope)


def sigmoid(slope: float, batch: pa.RecordBatch) -> np.ndarray:
    wind = batch.column(batch.schema.get_field_index("wind")).to_numpy()
    return 1 / (1 + np.exp(1.2 - slope * (wind - 10)))


def test_each_predictor_scores_every_row_and_only_what_is_kept_remains(frame: DataFrame, rows: pd.DataFrame) -> None:
    scores = with_scores(frame, {"p_mild": Sigmoid(0.1), "p_steep": Sigmoid(0.4)}, ["label", "day", "wind", "day"])
    assert scores.columns == ["label", "day", "wind", "p_mild", "p_steep"]
    found = scores.toPandas()
    np.testing.assert_allclose(np.sort(found["wind"]), np.sort(rows["wind"]))
    np.testing.assert_allclose(found["p_mild"], 1 / (1 + np.exp(1.2 - 0.1 * (found["wind"] - 10))))
    np.testing.assert_allclose(found["p_steep"], 1 / (1 + np.exp(1.2 - 0.4 * (found["wind"] - 10))))


def test_a_predictor_is_loaded_once_a_worker_over_tasks_and_jobs(frame: DataFrame, tmp_path: Path) -> None:
    scores = with_scores(frame, {"p_noted": Sigmoid(0.1, tmp_path)}, ["label"])
    for _ in range(3):
        scores.write.format("noop").mode("overwrite").save()
    loads = [note.name.split("-")[0] for note in tmp_path.iterdir()]
    assert loads  # twelve tasks in three jobs
    assert len(loads) == len(set(loads)), "a worker loaded it twice"


def test_counts_hold_every_row_and_give_the_rows_figures(frame: DataFrame, rows: pd.DataFrame) -> None:
    scores = with_scores(frame, {"p_mild": Sigmoid(0.1), "p_steep": Sigmoid(0.4)}, ["label", "day", "carrier"])
    found = counted(scores, ["mild", "steep"], "day", slices=["carrier"], sliced=["mild"], min_positives=50)
    assert list(found.days) == sorted(set(rows["day"]))
    for name, slope in (("mild", 0.1), ("steep", 0.4)):
        p = 1 / (1 + np.exp(1.2 - slope * (rows["wind"] - 10)))
        counts = found.of(name)
        where = np.searchsorted(bin_edges(), p, side="right") - 1
        day = np.searchsorted(list(found.days), rows["day"])
        expected = np.zeros_like(counts.positives)
        np.add.at(expected, (day, where), rows["label"])
        np.testing.assert_array_equal(counts.positives, expected)
        assert (counts.positives + counts.negatives).sum() == len(rows)
        assert counts.probability.sum() == pytest.approx(p.sum())
        assert counts.loss.sum() / len(rows) == pytest.approx(log_loss(rows["label"], p))


def test_a_slice_needs_enough_positives_and_null_is_a_value(frame: DataFrame, rows: pd.DataFrame) -> None:
    scores = with_scores(frame, {"p_mild": Sigmoid(0.1), "p_steep": Sigmoid(0.4)}, ["label", "day", "carrier"])
    found = counted(scores, ["mild", "steep"], "day", slices=["carrier"], sliced=["mild"], min_positives=50)
    assert found.slices == [("carrier", "(missing)"), ("carrier", "AA"), ("carrier", "UA")]  # OO has too few
    assert found.of("mild", "carrier", "UA").positives.sum() == rows[rows["carrier"] == "UA"]["label"].sum()
    assert found.of("mild", "carrier", "(missing)").positives.sum() == rows[rows["carrier"].isna()]["label"].sum()


def test_a_score_that_is_no_number_is_refused_by_name(frame: DataFrame) -> None:
    scores = with_scores(frame, {"p_fine": Sigmoid(0.1), "p_broken": Sigmoid(float("nan"))}, ["label", "day"])
    with pytest.raises(TrainingDivergedError, match="broken gave 6000 rows a score that is not a probability"):
        counted(scores, ["fine", "broken"], "day")


@pytest.mark.parametrize("label", [0, 1])
def test_days_with_one_label_only_are_refused(frame: DataFrame, label: int) -> None:
    scores = with_scores(frame.where(f"label = {label}"), {"p_mild": Sigmoid(0.1)}, ["label", "day"])
    with pytest.raises(GateRefusedError, match="nothing can be judged"):
        counted(scores, ["mild"], "day")


@pytest.fixture(scope="module")
def encoder(frame: DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.fit(frame, INPUTS, tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def fitted(encoder: Encoder, rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("baselines")
    fit(folder, encoder, rows)
    return folder


def fit(folder: Path, encoder: Encoder, rows: pd.DataFrame) -> list[Path]:
    ids, dense = encoder.encode(batch(rows))
    inputs = {"ids": ids, "dense": dense, "vocabulary_sizes": encoder.vocabulary_sizes}
    return baselines.fit(folder, list(BASELINES), **inputs, labels=rows["label"].to_numpy(), seed=1)


def test_the_kept_logistic_regression_scores_as_scikit_learns_own(
    fitted: Path, encoder: Encoder, rows: pd.DataFrame
) -> None:
    ids, dense = encoder.encode(batch(rows))
    inputs = np.hstack([np.eye(encoder.vocabulary_sizes[0])[ids[:, 0]], dense])
    expected = LogisticRegression(max_iter=300).fit(inputs, rows["label"]).predict_proba(inputs)[:, 1]
    found = baselines.loader(fitted, "logistic", encoder)()(batch(rows))
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.slow
def test_baselines_fitted_again_are_the_same_bytes(
    fitted: Path, encoder: Encoder, rows: pd.DataFrame, tmp_path: Path
) -> None:
    for again in fit(tmp_path, encoder, rows):
        assert again.read_bytes() == (fitted / again.name).read_bytes(), again.name


def test_a_baseline_that_is_not_there_is_an_artefact_error(encoder: Encoder, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"logistic.npz does not exist"):
        baselines.loader(tmp_path, "logistic", encoder)()


@pytest.mark.slow
def test_an_evaluation_measures_all_models_in_one_pass_and_judges(
    frame: DataFrame, rows: pd.DataFrame, fitted: Path, encoder: Encoder
) -> None:
    table = Table("sales.features", reads=[], by="m:f", columns="c.yaml", day="day", key=["day"])
    gate = Gate("auc", beat=["champion", "base_rate", "logistic"], report=["lightgbm"], slices=["carrier"])
    model = Model("sales.late", table, table.label("x"), network="n:b", inputs=INPUTS, window=Days(1, 1, 1), gate=gate)
    loaders = {name: baselines.loader(fitted, name, encoder) for name in list(BASELINES)}
    loaders |= {"challenger": loaders["logistic"], "champion": Sigmoid(0.1)}
    found = evaluate(frame, model, loaders, Settings(bootstrap_resamples=200, min_slice_positives=50), seed=1)

    for name, loader in loaders.items():
        p = loader()(batch(rows))
        assert found.figures[name].auc == pytest.approx(roc_auc_score(rows["label"], p), abs=1e-3), name
        assert found.figures[name].log_loss == pytest.approx(log_loss(rows["label"], p)), name
        assert (found.figures[name].rows, found.figures[name].positives) == (len(rows), rows["label"].sum())
    beaten = {c.against: c.beaten for c in found.verdict.comparisons}
    assert beaten == {"champion": True, "base_rate": True, "logistic": False, "lightgbm": False}
    assert not found.verdict.passed
    assert (found.first_day, found.last_day) == (min(rows["day"]), max(rows["day"]))
