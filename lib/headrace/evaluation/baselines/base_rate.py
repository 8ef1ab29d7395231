"""The base rate: every row gets the share of positives in the sample."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from headrace.evaluation.baselines.model import BaselineModel, Sample, Scorer


class BaseRate(BaselineModel):
    """One probability for all rows, kept as JSON."""

    file = "base_rate.json"

    def fit(self, file: Path, sample: Sample) -> None:
        share = {"probability": float(np.mean(sample.labels)), "rows": len(sample.labels)}
        file.write_text(json.dumps(share) + "\n")

    def load(self, file: Path) -> Scorer:
        probability = float(json.loads(file.read_text())["probability"])
        return lambda ids, _: np.full(len(ids), probability)
