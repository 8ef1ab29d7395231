"""A version's folder into a predictor: verified, then loaded, then compiled once for batches of any length."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headrace import storage
from headrace.errors import ArtefactError
from headrace.features.encoder import Encoder
from headrace.registry import manifest
from headrace.storage import Place

if TYPE_CHECKING:
    import pyarrow as pa

Predictor = Callable[["pa.RecordBatch"], np.ndarray]

# What a pass takes at once. Its activations stay in the processor's cache, and memory does not grow with the batch.
MODEL, ENCODER = "model.keras", "encoder.json"  # the files of a version that predicting takes
ROWS_A_PASS = 16384


@dataclass(frozen=True)
class LoadedModel:
    """A network and its encoder, in memory.

    Attributes:
        digest: SHA-256 of the manifest that its files were checked against.
    """

    encoder: Encoder
    digest: str
    network: Callable[[Any, Any], Any]

    def predict(self, batch: pa.RecordBatch) -> np.ndarray:
        """The probability of the label for each row: float64 [n]. The batch has the columns of ``encoder.columns``."""
        scores = np.empty(batch.num_rows, np.float64)
        for start in range(0, batch.num_rows, ROWS_A_PASS):
            encoded = self.encoder.encode(batch.slice(start, ROWS_A_PASS))
            scores[start : start + ROWS_A_PASS] = self.network(encoded.ids, encoded.dense)
        return scores


def load(folder: Place, *, threads: int = 1) -> LoadedModel:
    """Verify a version's folder, then load the model in it; one in S3 is copied to this machine, once.

    ``threads`` is what TensorFlow may use in this process for one operation. It holds only where TensorFlow has not
    started yet; one is right for a Spark worker, which shares its machine with as many others as there are cores.

    Raises:
        ArtefactError: a file is not what the manifest says, or it is no model that can be loaded without running code.
    """
    digest = manifest.digest(folder)
    local = storage.cached_copy(folder, digest, functools.partial(_check, folder, digest))
    encoder = Encoder.from_json(manifest.read(local, ENCODER).decode())
    return LoadedModel(encoder, digest, _network(local / MODEL, threads))


def loader(folder: Place, *, threads: int = 1) -> Callable[[], Predictor]:
    """A recipe for a predictor, that can be sent to another process and is followed there."""
    return functools.partial(_predictor, folder, threads)


def _predictor(folder: Place, threads: int) -> Predictor:
    return load(folder, threads=threads).predict


def _check(folder: Place, digest: str, local: Path) -> None:
    if manifest.verify(local, copy_of=folder) != digest:
        raise ArtefactError(f"{folder} is changing while it is read", "Find out who writes there")


def _network(path: Path, threads: int) -> Callable[[Any, Any], Any]:
    """The Keras model at ``path``, compiled: ids int32 [n, k] and dense float32 [n, d] -> probabilities float64 [n]."""
    tf = _tensorflow(threads)
    try:
        model = tf.keras.models.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError) as refused:
        raise ArtefactError(f"{path} cannot be loaded: {refused}", "Train it again with this release") from refused
    ids, dense = model.input["ids"], model.input["dense"]

    def probabilities(ids: Any, dense: Any) -> Any:
        logits = model({"ids": ids, "dense": dense}, training=False)
        return tf.sigmoid(tf.cast(logits[:, 0], tf.float64))

    # Shapes without a length: one trace serves batches of all lengths.
    signature = [tf.TensorSpec([None, ids.shape[1]], tf.int32), tf.TensorSpec([None, dense.shape[1]], tf.float32)]
    compiled = tf.function(probabilities, input_signature=signature).get_concrete_function()
    return lambda ids, dense: compiled(tf.constant(ids), tf.constant(dense)).numpy()


def _tensorflow(threads: int) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        pass  # it has started: it keeps the threads that it has
    return tf
