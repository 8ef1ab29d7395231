"""The network that predicts late arrivals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.encoding.encoder import Encoder

EMBEDDING = 4
UNITS = (64, 32)
DROPOUT = 0.3


def build(encoder: Encoder) -> Any:
    """A multilayer perceptron over embeddings and dense inputs.

    Takes ``{"ids": int32 [n, k], "dense": float32 [n, d]}`` and returns logits, float32 [n, 1].
    """
    import keras

    ids = keras.Input((len(encoder.vocabulary_sizes),), dtype="int32", name="ids")
    dense = keras.Input((encoder.width,), dtype="float32", name="dense")
    looked_up = [
        keras.layers.Embedding(size, EMBEDDING, name=f"embedding_{column}")(ids[:, column])
        for column, size in enumerate(encoder.vocabulary_sizes)
    ]
    hidden = keras.layers.Concatenate()([*looked_up, dense])
    for number, units in enumerate(UNITS, start=1):
        hidden = keras.layers.Dense(units, activation="relu", name=f"hidden_{number}")(hidden)
        hidden = keras.layers.Dropout(DROPOUT)(hidden)
    return keras.Model({"ids": ids, "dense": dense}, keras.layers.Dense(1, name="logit")(hidden))
