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

    Takes ``{"categories": int32 [n, k], "numbers": float32 [n, d]}`` and returns logits, float32 [n, 1].
    """
    import keras

    categories = keras.Input((len(encoder.vocabulary_sizes),), dtype="int32", name="categories")
    numbers = keras.Input((encoder.width,), dtype="float32", name="numbers")
    looked_up = [
        keras.layers.Embedding(size, EMBEDDING, name=f"embedding_{column}")(categories[:, column])
        for column, size in enumerate(encoder.vocabulary_sizes)
    ]
    hidden = keras.layers.Concatenate()([*looked_up, numbers])
    for number, units in enumerate(UNITS, start=1):
        hidden = keras.layers.Dense(units, activation="relu", name=f"hidden_{number}")(hidden)
        hidden = keras.layers.Dropout(DROPOUT)(hidden)
    return keras.Model([categories, numbers], keras.layers.Dense(1, name="logit")(hidden))
