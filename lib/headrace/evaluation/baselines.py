"""What a network has to be better than: the base rate, a logistic regression, boosted trees.

They are fitted on the same encoded inputs as the network, and kept as JSON, arrays and LightGBM's text: no pickles.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace import storage
from headrace.errors import ArtefactError
from headrace.evaluation.predict import Loader, Predictor
from headrace.storage import Place

if TYPE_CHECKING:
    from headrace.features.encoder import Encoder

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
Scorer = Callable[[I32, F32], F64]  # ids [n, k] and dense [n, d] to probabilities [n]

FILES = {"base_rate": "base_rate.json", "logistic": "logistic.npz", "lightgbm": "lightgbm.txt"}
BASELINES = tuple(FILES)


def fit(
    folder: Place,
    names: Sequence[str],
    *,
    ids: I32,
    dense: F32,
    labels: npt.NDArray[Any],
    vocabulary_sizes: Sequence[int],
    seed: int,
) -> list[Place]:
    """Fit baselines and write each as one file.

    Args:
        folder: where the files go; each appears whole, over one that is there.
        names: which of ``base_rate``, ``logistic`` and ``lightgbm``.
        ids: the encoder's categories, int32 [n, k].
        dense: the encoder's numbers, float32 [n, d].
        labels: 0 or 1 [n]; both must occur.
        vocabulary_sizes: how many ids each category has, [k].
        seed: of what is random in the fitting.

    Returns:
        The files, in the order of ``names``. The caller keeps n to ``evaluation.baseline_max_rows``: all is in memory.
    """
    for name in names:
        with storage.writing(folder / FILES[name]) as file:
            if name == "base_rate":
                file.write_text(json.dumps({"probability": float(np.mean(labels)), "rows": len(labels)}) + "\n")
            elif name == "logistic":
                _fit_logistic(file, ids, dense, labels, vocabulary_sizes)
            else:
                _fit_lightgbm(file, ids, dense, labels, seed)
    return [folder / FILES[name] for name in names]


def loader(folder: Place, name: str, encoder: Encoder) -> Loader:
    """What loads the baseline ``name`` from ``folder`` inside a Spark worker."""
    return _BaselineLoader(folder, name, encoder)


@dataclass(frozen=True)
class _BaselineLoader:
    folder: Place
    name: str
    encoder: Encoder

    def __call__(self) -> Predictor:
        score, encoder = scorer(self.folder, self.name), self.encoder

        def predict(batch: pa.RecordBatch) -> F64:
            encoded = encoder.encode(batch)
            return score(encoded.ids, encoded.dense)

        return predict


def scorer(folder: Place, name: str) -> Scorer:
    """Read a fitted baseline.

    Raises:
        ArtefactError: it is not there.
    """
    file = folder / FILES[name]
    if not file.is_file():
        raise ArtefactError(f"{file} does not exist", "Train again: baselines are fitted with the model")
    with storage.local_copy(file) as local:
        return _SCORERS[name](local)


def _base_rate(file: Path) -> Scorer:
    probability = float(json.loads(file.read_text())["probability"])
    return lambda ids, _: np.full(len(ids), probability)


def _fit_logistic(file: Path, ids: I32, dense: F32, labels: npt.NDArray[Any], sizes: Sequence[int]) -> None:
    """Logistic regression with scikit-learn's default penalty, on one-hot categories and the dense columns."""
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    n, k = ids.shape
    offsets = np.r_[0, np.cumsum(sizes)].astype(np.int32)
    columns = (ids + offsets[:-1]).ravel()
    ones, starts = np.ones(n * k, np.float32), np.arange(0, n * k + 1, k)
    one_hot = sparse.csr_matrix((ones, columns, starts), shape=(n, int(offsets[-1])))
    inputs = sparse.hstack([one_hot, sparse.csr_matrix(dense)], format="csr")
    fitted = LogisticRegression(max_iter=300).fit(inputs, labels)
    weights = fitted.coef_[0].astype(np.float64)
    np.savez(
        file,
        categories=weights[: offsets[-1]],
        offsets=offsets[:-1],
        dense=weights[offsets[-1] :],
        bias=fitted.intercept_,
    )


def _logistic(file: Path) -> Scorer:
    with np.load(file, allow_pickle=False) as kept:
        categories, offsets, weights, bias = (kept[name] for name in ("categories", "offsets", "dense", "bias"))

    def score(ids: I32, dense: F32) -> F64:
        log_odds = categories[ids + offsets].sum(axis=1) + dense @ weights + bias
        return np.asarray(1 / (1 + np.exp(-log_odds)), np.float64)

    return score


def _fit_lightgbm(file: Path, ids: I32, dense: F32, labels: npt.NDArray[Any], seed: int) -> None:
    """LightGBM as it comes (100 trees of 31 leaves); what is set only makes a second fit give the same trees."""
    import lightgbm

    repeatable = {"seed": seed, "deterministic": True, "force_row_wise": True, "num_threads": 2}
    inputs = lightgbm.Dataset(
        np.hstack([ids, dense]), label=labels, categorical_feature=list(range(ids.shape[1])), params={"verbose": -1}
    )
    trees = lightgbm.train({"objective": "binary", "verbose": -1, **repeatable}, inputs, num_boost_round=100)
    file.write_text(trees.model_to_string())


def _lightgbm(file: Path) -> Scorer:
    import lightgbm

    trees = lightgbm.Booster(model_str=file.read_text())
    # One thread: Spark runs as many workers as there are cores.
    return lambda ids, dense: np.asarray(trees.predict(np.hstack([ids, dense]), num_threads=1), np.float64)


_SCORERS: dict[str, Callable[[Path], Scorer]] = {"base_rate": _base_rate, "logistic": _logistic, "lightgbm": _lightgbm}
