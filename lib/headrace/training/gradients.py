"""The gradients of a batch on their way between ranks: one buffer, and the looked-up rows of large embeddings.

The gradient of an embedding has values only for the rows that a batch looks up. Where the table is large, ranks gather
those rows from each other, instead of summing tables that are mostly zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LARGE = 2**18  # elements of a table, 1 MiB: a smaller one costs little as a part of the buffer


class Packing:
    """How the gradients of some variables are sent. Both methods are called where a step is compiled.

    Args:
        variables: TensorFlow's trainable variables.
        batch_size: the rows of a batch over all ranks.
    """

    def __init__(self, variables: Sequence[Any], batch_size: int) -> None:
        self._variables = list(variables)
        self._batch_size = batch_size
        self._gathered: list[bool] = []  # for each variable, whether its rows are gathered; known after `pack`

    def pack(self, gradients: Sequence[Any]) -> tuple[Any, list[list[Any]]]:
        """What a rank sends of its gradients.

        Returns:
            A buffer float32 [n], which ranks sum. Then for each large embedding the rows that ranks gather: their
            numbers [m] and their values float32 [m, d]. A row is there once, however often it was looked up.
        """
        import tensorflow as tf

        pairs = list(zip(gradients, self._variables, strict=True))
        self._gathered = [self._is_gathered(gradient, variable) for gradient, variable in pairs]
        summed = [tf.reshape(tf.convert_to_tensor(each), [-1]) for each in self._of(gradients, gathered=False)]
        # A zero at the end, because the buffer of a network of large embeddings alone would be empty.
        buffer = tf.concat([*summed, tf.zeros(1)], 0)
        return buffer, [_summed_by_row(each) for each in self._of(gradients, gathered=True)]

    def unpack(self, buffer: Any, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """The gradient of each variable, from the sum of all buffers and the rows of all ranks."""
        import tensorflow as tf

        pieces = iter(split(buffer[:-1], self._of(self._variables, gathered=False)))
        tables = iter(rows)
        return [
            tf.math.unsorted_segment_sum(*reversed(next(tables)), variable.shape[0]) if gathered else next(pieces)
            for variable, gathered in zip(self._variables, self._gathered, strict=True)
        ]

    def _is_gathered(self, gradient: Any, variable: Any) -> bool:
        """Whether the rows are fewer than the table's, and the table is large."""
        import tensorflow as tf

        elements = variable.shape.num_elements()
        return isinstance(gradient, tf.IndexedSlices) and variable.shape[0] > self._batch_size and elements >= LARGE

    def _of(self, each: Sequence[Any], *, gathered: bool) -> list[Any]:
        return [one for one, is_gathered in zip(each, self._gathered, strict=True) if is_gathered == gathered]


def _summed_by_row(slices: Any) -> list[Any]:
    import tensorflow as tf

    numbers, at = tf.unique(slices.indices)
    return [numbers, tf.math.unsorted_segment_sum(slices.values, at, tf.size(numbers))]


def split(buffer: Any, like: Sequence[Any]) -> list[Any]:
    """The pieces of a buffer, in the shapes of some variables."""
    import tensorflow as tf

    pieces = tf.split(buffer, [value.shape.num_elements() for value in like]) if like else []
    return [tf.reshape(piece, value.shape) for piece, value in zip(pieces, like, strict=True)]
