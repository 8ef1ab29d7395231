"""Scores of several predictors beside one another, each loaded once a Spark worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql.types import DoubleType, StructField, StructType

Predictor = Callable[[pa.RecordBatch], npt.NDArray[np.float64]]
"""The probability of the label for each row of a batch, float64 [n]."""

Loader = Callable[[], Predictor]
"""Makes a predictor inside a Spark worker; it must pickle, as it travels there."""


def predicted(frame: DataFrame, loaders: Mapping[str, Loader], keep: Sequence[str]) -> DataFrame:
    """Score every row of ``frame`` with every predictor, in one pass over the frame.

    Args:
        frame: what the predictors read, and the columns to keep.
        loaders: a loader for each predictor, by name.
        keep: columns of ``frame`` to keep, in order: label, day, slices.

    Returns:
        The columns ``keep``, then a double column ``p_<name>`` for each predictor: the probability of the label.
    """
    kept = list(dict.fromkeys(keep))
    fields = [frame.schema[c] for c in kept] + [StructField(f"p_{name}", DoubleType()) for name in loaders]
    pickled: list[bytes] = [cloudpickle.dumps(loader) for loader in loaders.values()]  # type: ignore[no-untyped-call]

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            scores = [pa.array(_predictor(one)(batch), pa.float64()) for one in pickled]
            columns = [batch.column(batch.schema.get_field_index(c)) for c in kept]
            yield pa.RecordBatch.from_arrays([*columns, *scores], names=[f.name for f in fields])

    return frame.mapInArrow(score, StructType(fields))


@lru_cache(maxsize=16)
def _predictor(pickled: bytes) -> Predictor:
    """The predictor that a loader makes, kept for the life of the worker: tasks come and go, and each sends the loader
    anew, so it is known by its bytes."""
    loader: Loader = cloudpickle.loads(pickled)
    return loader()
