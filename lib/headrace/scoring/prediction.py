"""Apply predictors to a frame on Spark; each worker process loads a predictor once."""

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
"""Makes a predictor inside a Spark worker. It is pickled on its way to the worker."""

MAX_PREDICTORS = 16  # that one worker process keeps; an evaluation needs one for each model


def with_scores(frame: DataFrame, loaders: Mapping[str, Loader], keep: Sequence[str]) -> DataFrame:
    """Score every row of ``frame`` with every predictor, in one pass over the frame.

    Args:
        frame: has the columns that the predictors read, and the columns to keep.
        loaders: a loader for each column of scores, by the column's name.
        keep: columns of ``frame`` to keep, in order. A name that occurs twice counts once.

    Returns:
        The columns ``keep``, then a double column without nulls for each loader.
    """
    kept = list(dict.fromkeys(keep))
    schema = StructType(
        [*(frame.schema[column] for column in kept), *(StructField(name, DoubleType(), False) for name in loaders)]
    )
    pickled: list[bytes] = [cloudpickle.dumps(loader) for loader in loaders.values()]  # type: ignore[no-untyped-call]

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            columns = [batch.column(name) for name in kept]
            scores = [pa.array(predictor(loader)(batch), pa.float64()) for loader in pickled]
            yield pa.RecordBatch.from_arrays([*columns, *scores], names=schema.names)

    return frame.mapInArrow(score, schema)


@lru_cache(maxsize=MAX_PREDICTORS)
def predictor(pickled: bytes) -> Predictor:
    """The predictor that a pickled loader makes, kept in this worker process.

    Spark reuses a worker process for many tasks, and sends the loader with each of them. The loader's bytes are
    therefore the key of the cache.
    """
    loader: Loader = cloudpickle.loads(pickled)
    return loader()
