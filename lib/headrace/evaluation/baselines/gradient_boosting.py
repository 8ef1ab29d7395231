"""Gradient boosted trees: LightGBM with its default settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headrace.evaluation.baselines.model import F32, I32, BaselineModel, Sample, Scorer

# These settings only make a second fit give the same trees.
REPEATABLE = {"deterministic": True, "force_row_wise": True, "num_threads": 2}


class GradientBoosting(BaselineModel):
    """100 trees of 31 leaves, kept as LightGBM's text."""

    file = "lightgbm.txt"

    def fit(self, file: Path, sample: Sample) -> None:
        import lightgbm

        inputs = lightgbm.Dataset(
            _inputs(sample.ids, sample.dense),
            label=sample.labels,
            categorical_feature=list(range(sample.ids.shape[1])),
            params={"verbose": -1},
        )
        settings = {"objective": "binary", "verbose": -1, "seed": sample.seed, **REPEATABLE}
        file.write_text(lightgbm.train(settings, inputs, num_boost_round=100).model_to_string())

    def load(self, file: Path) -> Scorer:
        import lightgbm

        trees = lightgbm.Booster(model_str=file.read_text())
        # One thread, because Spark runs a worker on each core.
        return lambda ids, dense: np.asarray(trees.predict(_inputs(ids, dense), num_threads=1), np.float64)


def _inputs(ids: I32, dense: F32) -> F32:
    """All inputs as one array. NumPy would choose float64, twice the memory; float32 holds ids up to 16M exactly."""
    return np.hstack([ids, dense], dtype=np.float32, casting="same_kind")
