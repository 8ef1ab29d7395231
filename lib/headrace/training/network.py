"""What a network must be so that it can be trained and scored, and which of its weights decay."""

from __future__ import annotations

from typing import Any

from headrace.errors import NetworkError


def checked(model: Any) -> Any:
    """The same Keras model, if it has weights to train, all of them float32, and one logit a row.

    Raises:
        NetworkError: it lacks one of these.
    """
    if not model.trainable_variables:
        raise NetworkError("the network has no weights to train", "Add a layer that has some")
    other = [v.path for v in model.variables if "float" in v.dtype and v.dtype != "float32"]
    if other:
        raise NetworkError(f"the weights {', '.join(other)} are not float32", "Build all layers with float32")
    outputs = [(tuple(output.shape), output.dtype) for output in model.outputs]
    if outputs != [((None, 1), "float32")]:
        found = " and ".join(f"the shape {shape} and the type {kind}" for shape, kind in outputs)
        raise NetworkError(
            f"the network's output has {found}", "Return one logit for each row: end with keras.layers.Dense(1)"
        )
    return model


def not_decayed(model: Any) -> list[Any]:
    """The variables that weight decay spares: biases, scales and offsets of norms, and embeddings.

    A recurrent layer's bias may have two dimensions, so that the name counts as well.
    """
    import keras

    embeddings = [
        id(variable)
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Embedding)
        for variable in layer.trainable_variables
    ]
    trainable = model.trainable_variables
    return [v for v in trainable if len(v.shape) < 2 or v.name.endswith("bias") or id(v) in embeddings]
