"""Gradient boosted trees: LightGBM with its default settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headrace.evaluation.baselines.model import BaselineModel, Sample, Scorer

# These settings only make a second fit give the same trees.
REPEATABLE = {"deterministic": True, "force_row_wise": True, "num_threads": 2}


class GradientBoosting(BaselineModel):
    """100 trees of 31 leaves, kept as LightGBM's text."""

    file = "lightgbm.txt"

    def fit(self, file: Path, sample: Sample) -> None:
        import lightgbm

        inputs = lightgbm.Dataset(
            np.hstack([sample.ids, sample.dense]),
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
        return lambda ids, dense: np.asarray(trees.predict(np.hstack([ids, dense]), num_threads=1), np.float64)
