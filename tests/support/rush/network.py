"""The network: its quality does not matter here."""

from __future__ import annotations

from typing import Any


def build(encoder: Any) -> Any:
    """A logistic regression on a small embedding and the numbers."""
    import keras

    ids = keras.Input((len(encoder.vocabulary_sizes),), dtype="int32", name="ids")
    dense = keras.Input((encoder.width,), dtype="float32", name="dense")
    known = keras.layers.Embedding(encoder.vocabulary_sizes[0], 2)(ids[:, 0])
    joined = keras.layers.Concatenate()([known, dense])
    return keras.Model({"ids": ids, "dense": dense}, keras.layers.Dense(1, name="logit")(joined))
