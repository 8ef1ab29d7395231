"""Logistic regression on one-hot categories and the dense columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headrace.evaluation.baselines.model import F32, F64, I32, BaselineModel, Sample, Scorer


class Logistic(BaselineModel):
    """Scikit-learn's logistic regression with its default penalty, kept as arrays."""

    file = "logistic.npz"

    def fit(self, file: Path, sample: Sample) -> None:
        from scipy import sparse
        from sklearn.linear_model import LogisticRegression

        n, k = sample.ids.shape
        offsets = np.r_[0, np.cumsum(sample.vocabulary_sizes)].astype(np.int32)
        columns = (sample.ids + offsets[:-1]).ravel()
        ones, starts = np.ones(n * k, np.float32), np.arange(0, n * k + 1, k)
        one_hot = sparse.csr_matrix((ones, columns, starts), shape=(n, int(offsets[-1])))
        inputs = sparse.hstack([one_hot, sparse.csr_matrix(sample.dense)], format="csr")
        fitted = LogisticRegression(max_iter=300).fit(inputs, sample.labels)
        weights = fitted.coef_[0].astype(np.float64)
        np.savez(
            file,
            categories=weights[: offsets[-1]],
            offsets=offsets[:-1],
            dense=weights[offsets[-1] :],
            bias=fitted.intercept_,
        )

    def load(self, file: Path) -> Scorer:
        with np.load(file, allow_pickle=False) as kept:
            categories, offsets, weights, bias = (kept[name] for name in ("categories", "offsets", "dense", "bias"))

        def score(ids: I32, dense: F32) -> F64:
            log_odds = categories[ids + offsets].sum(axis=1) + dense @ weights + bias
            return np.asarray(1 / (1 + np.exp(-log_odds)), np.float64)

        return score
