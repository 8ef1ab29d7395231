"""How encoded rows become the inputs of a network, in training and in scoring.

An input of a network is named ``categories`` (or ``ids``) if it takes all ids, ``numbers`` (or ``dense``) if it takes
all numbers. An input with the name of a declared column takes that column alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.encoding.encoder import Encoder
from headrace.errors import NetworkError

IDS, DENSE = ("categories", "ids"), ("numbers", "dense")


def feed_of(model: Any, encoder: Encoder) -> Callable[[Any, Any], Any]:
    """What turns ``ids`` int32 [n, k] and ``dense`` float32 [n, d] into what a Keras model takes.

    Raises:
        NetworkError: an input of the model has a name that is neither a word above nor a column, or another width.
    """
    parts = {name: _part(name, tensor, encoder) for name, tensor in _inputs(model).items()}

    structure = _structure(model)

    def feed(ids: Any, dense: Any) -> Any:
        fed = {name: part(ids, dense) for name, part in parts.items()}
        if isinstance(structure, Mapping):
            return fed
        return list(fed.values()) if isinstance(structure, Sequence) else next(iter(fed.values()))

    return feed


def signature(encoder: Encoder) -> list[Any]:
    """The TensorFlow types of ``ids`` and ``dense``, for any number of rows."""
    import tensorflow as tf

    widths = ((len(encoder.vocabulary_sizes), tf.int32), (encoder.width, tf.float32))
    return [tf.TensorSpec((None, width), kind) for width, kind in widths]


def _inputs(model: Any) -> dict[str, Any]:
    """The model's inputs by name: the key if they are a mapping, else the name of each input."""
    structure = _structure(model)
    return dict(structure) if isinstance(structure, Mapping) else {tensor.name: tensor for tensor in model.inputs}


def _structure(model: Any) -> Any:
    """How the model takes its inputs: a mapping, a sequence or a tensor. A Sequential model has no ``input``."""
    import keras

    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def _part(name: str, tensor: Any, encoder: Encoder) -> Callable[[Any, Any], Any]:
    """What takes one input of the network from ``ids`` and ``dense``."""
    all_ids, all_dense = list(range(len(encoder.vocabulary_sizes))), list(range(encoder.width))
    known = {column: (True, at) for column, at in encoder.id_columns.items()}
    known |= {column: (False, at) for column, at in encoder.dense_columns.items()}
    known |= dict.fromkeys(IDS, (True, all_ids)) | dict.fromkeys(DENSE, (False, all_dense))
    if name not in known:
        raise NetworkError(f"the network has an input {name!r}", f"Name it one of {', '.join(known)}")
    takes_ids, columns = known[name]
    if tuple(tensor.shape) != (None, len(columns)):
        raise NetworkError(
            f"the network's input {name} has the shape {tuple(tensor.shape)}; a row has {len(columns)} values for it",
            "Take the widths from the encoder: len(encoder.vocabulary_sizes) and encoder.width",
        )
    return lambda ids, dense: _columns(ids if takes_ids else dense, columns)


def _columns(encoded: Any, columns: Sequence[int]) -> Any:
    import tensorflow as tf

    return encoded if len(columns) == encoded.shape[1] else tf.gather(encoded, columns, axis=1)
