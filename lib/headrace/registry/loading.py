"""Load a version's folder: verify its files, load the network and the encoder, and compile the network once."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from headrace import storage
from headrace.encoding.encoder import Encoder
from headrace.encoding.feed import feed_of, signature
from headrace.errors import ArtefactError
from headrace.registry import manifest
from headrace.storage import Place

if TYPE_CHECKING:
    import pyarrow as pa

F64 = npt.NDArray[np.float64]

MODEL, ENCODER = "model.keras", "encoder.json"  # the files of a version that a prediction needs
# Rows that the network takes at once: their activations fit the processor's cache, and memory stays bounded.
ROWS_A_PASS = 16384


@dataclass(frozen=True)
class LoadedModel:
    """A network and its encoder, in memory.

    Attributes:
        digest: SHA-256 of the manifest that the files were checked against.
        network: takes ids int32 [n, k] and dense float32 [n, d], and returns probabilities float64 [n].
    """

    encoder: Encoder
    digest: str
    network: Callable[[Any, Any], Any]

    def predict(self, batch: pa.RecordBatch) -> F64:
        """The probability of the label for each row, float64 [n]. The batch must have the columns of the encoder."""
        scores = np.empty(batch.num_rows, np.float64)
        for start in range(0, batch.num_rows, ROWS_A_PASS):
            encoded = self.encoder.encode(batch.slice(start, ROWS_A_PASS))
            scores[start : start + ROWS_A_PASS] = self.network(encoded.ids, encoded.dense)
        return scores


@dataclass(frozen=True)
class ModelLoader:
    """Loads a version in another process, and returns its ``predict`` there. It can be pickled.

    Attributes:
        folder: the version's folder.
        threads: see `load`.
        digest: the version's digest as the driver sees it; empty skips the comparison.
    """

    folder: Place
    threads: int
    digest: str

    def __call__(self) -> Callable[[pa.RecordBatch], F64]:
        """Load the model.

        Raises:
            ArtefactError: the folder holds another version than in the driver, or a file does not match the manifest.
        """
        model = load(self.folder, threads=self.threads)
        if self.digest and model.digest != self.digest:
            raise ArtefactError(
                f"{self.folder} has digest {model.digest[:12]} here, and {self.digest[:12]} in the driver",
                "Workers and driver must see the same files",
            )
        return model.predict


def load(folder: Place, *, threads: int = 1) -> LoadedModel:
    """Verify a version's folder, then load the model in it. A folder in S3 is copied to this machine once.

    Args:
        folder: the version's folder.
        threads: the threads that TensorFlow may use for one operation. It has no effect once TensorFlow has started.
            One is right for a Spark worker, because Spark runs a worker on each core.

    Raises:
        ArtefactError: a file does not match the manifest, or the network cannot be loaded without running its code.
    """
    digest = manifest.digest(folder)
    local = storage.cached_copy(folder, digest, functools.partial(_check, folder, digest))
    encoder = Encoder.from_json(manifest.read(local, ENCODER).decode(), local)
    return LoadedModel(encoder, digest, _network(local / MODEL, encoder, threads))


def loader(folder: Place, *, threads: int = 1, digest: str = "") -> ModelLoader:
    """A loader of the version in ``folder``, for another process. See `ModelLoader`."""
    return ModelLoader(folder, threads, digest)


def _check(folder: Place, digest: str, local: Path) -> None:
    if manifest.verify(local, copy_of=folder) != digest:
        raise ArtefactError(f"{folder} changed while it was read", "Find out which process writes there")


def _network(path: Path, encoder: Encoder, threads: int) -> Callable[[Any, Any], Any]:
    """The Keras model at ``path``, compiled, with the shapes of ``LoadedModel.network``."""
    tf = _tensorflow(threads)
    try:
        model = tf.keras.models.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError) as refused:
        raise ArtefactError(f"{path} cannot be loaded: {refused}", "Train it again with this release") from refused
    feed = feed_of(model, encoder)

    def probabilities(ids: Any, dense: Any) -> Any:
        logits = model(feed(ids, dense), training=False)
        return tf.sigmoid(tf.cast(logits[:, 0], tf.float64))

    # The number of rows is left open, so that one trace serves batches of all lengths.
    compiled = tf.function(probabilities, input_signature=signature(encoder)).get_concrete_function()
    return lambda ids, dense: compiled(tf.constant(ids), tf.constant(dense)).numpy()


def _tensorflow(threads: int) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        pass  # TensorFlow has started already, and keeps its number of threads
    return tf
