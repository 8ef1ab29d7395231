"""Fit and load the baselines that a challenger is compared with.

`headrace.declare.baselines.BASELINES` registers them; each module here implements one. All are fitted on the same
encoded inputs as the network. Each is kept in one file of JSON, arrays or text, never a pickle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
import pyarrow as pa

from headrace import storage
from headrace.config import Evaluation as Settings
from headrace.declare.baselines import BASELINES
from headrace.errors import ArtefactError
from headrace.evaluation.baselines.model import F32, F64, I32, BaselineModel, Sample, Scorer
from headrace.references import imported
from headrace.scoring.prediction import Loader, Predictor
from headrace.storage import Place

if TYPE_CHECKING:
    from headrace.encoding.encoder import Encoder

__all__ = ["BaselineModel", "Sample", "Scorer", "file_of", "fit", "loader", "most_rows", "scorer"]

BYTES_A_VALUE = 32  # of the sample at the peak of fitting: logistic regression takes 29, LightGBM 24


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
        folder: the folder of the files. Each file appears whole, and replaces an earlier one.
        names: the baselines to fit, as `headrace.declare.baselines.BASELINES` calls them.
        ids: the encoder's categories, int32 [n, k].
        dense: the encoder's numbers, float32 [n, d].
        labels: 0 or 1 [n]; both must occur.
        vocabulary_sizes: how many ids each category has, [k].
        seed: the seed of every random choice.

    Returns:
        The files, in the order of ``names``. All n rows are in memory: the caller bounds n by `most_rows`.
    """
    sample = Sample(ids, dense, labels, vocabulary_sizes, seed)
    files = []
    for name in names:
        model = _model(name)
        files.append(folder / model.file)
        with storage.writing(files[-1]) as file:
            model.fit(file, sample)
    return files


def most_rows(columns: int, settings: Settings) -> int:
    """The most rows of so many encoded columns that the baselines are fitted on, so that the driver's memory holds."""
    return min(settings.baseline_max_rows, settings.baseline_memory_mb * 2**20 // (columns * BYTES_A_VALUE))


def loader(folder: Place, name: str, encoder: Encoder) -> Loader:
    """A loader of the baseline ``name`` from ``folder``, for a Spark worker."""
    return _BaselineLoader(folder, _model(name), encoder)


def scorer(folder: Place, name: str) -> Scorer:
    """Read a fitted baseline.

    Raises:
        ArtefactError: its file does not exist.
    """
    return _scorer(folder, _model(name))


def file_of(folder: Place, name: str) -> Place:
    """The file of the baseline ``name`` in ``folder``."""
    return folder / _model(name).file


@dataclass(frozen=True)
class _BaselineLoader:
    folder: Place
    model: BaselineModel
    encoder: Encoder

    def __call__(self) -> Predictor:
        score, encoder = _scorer(self.folder, self.model), self.encoder

        def predict(batch: pa.RecordBatch) -> F64:
            encoded = encoder.encode(batch)
            return score(encoded.ids, encoded.dense)

        return predict


def _scorer(folder: Place, model: BaselineModel) -> Scorer:
    file = folder / model.file
    if not file.is_file():
        raise ArtefactError(f"{file} does not exist", "Train again: baselines are fitted with the model")
    with storage.local_copy(file) as local:
        return model.load(local)


def _model(name: str) -> BaselineModel:
    model: BaselineModel = imported(BASELINES[name].implementation)()
    return model
