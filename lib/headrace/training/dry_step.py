"""Try a network on a few rows before any rank starts, so that a training does not fail after hours.

The rows are encoded, learned from once, and scored by the model as it was saved and loaded again.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from headrace import faults
from headrace.config import Training
from headrace.encoding.encoder import Encoder
from headrace.encoding.feed import feed_of
from headrace.errors import HeadraceError, NetworkError
from headrace.references import imported
from headrace.training.batches import Part
from headrace.training.exchange import Alone
from headrace.training.learner import Learner
from headrace.training.rows import Rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROWS = 64
CLOSE = 1e-4  # the most that a logit may change when the model is saved and loaded


def check(frame: DataFrame, network: str, encoder: Encoder, settings: Training) -> None:
    """Try the network on the first rows of a training frame, in one Spark task.

    Args:
        frame: input columns and ``label``, at least one row.
        network: ``module:function``, as in `fit.TrainingSpec`.
        encoder: the fitted encoder.
        settings: as for the training.

    Raises:
        NetworkError: the network cannot be trained, or its saved model does not score as it did.
        UseCaseError: the use case's code raised an error.
    """

    def task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            encoded = encoder.encode(batch)
            label = batch.column("label").cast(pa.float32()).to_numpy()
            try_network(network, encoder, Rows(encoded.ids, encoded.dense, label), settings)
        yield pa.RecordBatch.from_pylist([], pa.schema([("tried", pa.bool_())]))

    few = frame.select(*encoder.columns, "label").limit(ROWS).coalesce(1)
    with faults.translated(network.partition(".")[0]):
        few.mapInArrow(task, "tried boolean").collect()


def try_network(network: str, encoder: Encoder, rows: Rows, settings: Training) -> None:
    """Build the network, learn from the rows once, save it, load it, and compare its logits.

    Raises:
        NetworkError: as `check`.
    """
    package = network.partition(".")[0]
    try:
        exchange = Alike(ranks=settings.ranks)
        learner = Learner(imported(network), encoder, settings, exchange, steps=1)
        loss = learner.step(Part(rows, len(rows.label) * exchange.ranks))
        learner.synchronise()
        if not math.isfinite(loss):
            raise NetworkError(f"the loss of its first step is {loss}", "Look for operations that give no number")
        _check_saved(learner, encoder, rows)
    except HeadraceError as known:
        raise type(known)(f"{network}: {known.what}", known.hint) from known
    except Exception as fault:
        unforeseen = NetworkError(f"{network} cannot be trained: {_telling(fault)}", "Correct the network")
        raise (faults.meaning(fault, package) or unforeseen) from fault


@dataclass(frozen=True)
class Alike(Alone):
    """Ranks that all have the same rows. A step then compiles what real ranks run."""

    def summed_buffer(self, buffer: Any) -> Any:
        return buffer * self.ranks

    def gathered(self, rows: Any, _: str, /) -> Any:
        import tensorflow as tf

        return tf.concat([rows] * self.ranks, 0)


def _check_saved(learner: Learner, encoder: Encoder, rows: Rows) -> None:
    """Compare the logits of the model with the logits of its saved file, which scoring loads."""
    import keras
    import tensorflow as tf

    ids, dense = tf.constant(rows.ids), tf.constant(rows.dense)
    with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
        path = Path(folder) / "model.keras"
        learner.model.save(path)
        registered = keras.saving.get_custom_objects()
        kept = dict(registered)
        registered.clear()  # a process that scores does not import the use case
        try:
            loaded = keras.models.load_model(path, compile=False, safe_mode=True)
        except (ValueError, TypeError) as refused:
            raise NetworkError(
                f"its saved model cannot be loaded: {_telling(refused)}",
                "Scoring runs no code of the use case: build the network of Keras' own layers, without Lambda",
            ) from refused
        finally:
            registered.update(kept)
    logits = np.asarray(loaded(feed_of(loaded, encoder)(ids, dense), training=False))[:, 0]
    apart = float(np.abs(logits - np.asarray(learner.logits(ids, dense))).max())
    if not apart <= CLOSE * max(1.0, float(np.abs(logits).max())):
        raise NetworkError(f"its saved model gives other logits, up to {apart:g} apart", "Keep all its state in layers")


def _telling(fault: Exception) -> str:
    """The line of an error of Keras that tells the cause. It wraps causes in text of many lines."""
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()] or [""]
    wrapped = [line for line in lines if line.startswith("Exception encountered")]
    if not wrapped and lines[0].startswith("in user code"):
        wrapped = lines
    return f"{type(fault).__name__}: {(wrapped or lines[:1])[-1]}"
