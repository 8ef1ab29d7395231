"""The training loop of one rank: a compiled step, an epoch of steps, and the evaluation on the validation rows.

It runs in a rank's process, after `begin`. The same inputs give the same bits on the same kind of processor. This needs
one thread, deterministic kernels, all gradients in one reduction, and sums in the order of the ranks.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from headrace.config import Training
from headrace.errors import TrainingDivergedError
from headrace.training.batches import Batches
from headrace.training.interval import Interval

BINS = 10_000  # of the histogram of scores that gives the validation AUC
EVALUATION_ROWS = 8192  # rows that the evaluation passes to the network at once


class Learner(NamedTuple):
    """A network and its two compiled functions.

    ``step(ids, dense, label)`` takes tensors, learns from one batch and returns its mean loss. ``logits(ids, dense)``
    returns float32 [n].
    """

    model: Any
    step: Callable[..., Any]
    logits: Callable[..., Any]


def begin() -> tuple[int, int]:
    """Join the other ranks. Returns this rank, from 0, and the number of ranks."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    import horovod.tensorflow as hvd

    hvd.init()
    return hvd.rank(), hvd.size()


def learner(build: Callable[[], Any], settings: Training) -> Learner:
    """A new network whose initial weights depend on the seed only, and are the same on all ranks."""
    import horovod.tensorflow as hvd
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(settings.seed)
    model = build()
    optimizer = keras.optimizers.AdamW(settings.learning_rate, weight_decay=settings.weight_decay)
    optimizer.build(model.trainable_variables)
    hvd.broadcast_variables([v.value for v in model.weights], root_rank=0)
    trainable = [v.value for v in model.trainable_variables]
    rows = [tf.TensorSpec((None, size), kind) for size, kind in _inputs(model)]

    @tf.function(input_signature=[*rows, tf.TensorSpec((None,), tf.float32)])  # type: ignore[untyped-decorator]
    def step(ids: Any, dense: Any, label: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = model({"ids": ids, "dense": dense}, training=True)[:, 0]
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(label, logits))
        # One group puts all gradients in one buffer. The order of additions then does not depend on timing.
        shared = hvd.DistributedGradientTape(tape, sparse_as_dense=True, num_groups=1)
        optimizer.apply(shared.gradient(loss, trainable), model.trainable_variables)
        return loss

    @tf.function(input_signature=rows)  # type: ignore[untyped-decorator]
    def logits(ids: Any, dense: Any) -> Any:
        return model({"ids": ids, "dense": dense}, training=False)[:, 0]

    # The concrete function skips the search for a matching trace, which takes a tenth of a small step.
    return Learner(model, step.get_concrete_function(), logits)


def _inputs(model: Any) -> list[tuple[int, str]]:
    by_name = model.input
    return [(by_name["ids"].shape[1], "int32"), (by_name["dense"].shape[1], "float32")]


def train_epoch(step: Callable[..., Any], batches: Batches, number: int) -> dict[str, float]:
    """Train for one epoch.

    Returns:
        ``loss`` (the mean of the batches' losses), ``rows_per_second`` and ``seconds``. The first two are for
        all ranks together.

    Raises:
        TrainingDivergedError: the loss of a batch is infinite or undefined.
    """
    import tensorflow as tf

    began = time.perf_counter()
    total, rows = 0.0, 0
    for batch in batches.epoch(number):
        loss = float(step(*map(tf.constant, batch)))
        if not math.isfinite(loss):
            raise TrainingDivergedError(
                f"the loss became {loss} in epoch {number}", "Lower training.learning_rate, and look for extreme inputs"
            )
        total += loss
        rows += len(batch.label)
    seconds = time.perf_counter() - began
    loss_sum, steps, all_rows = summed("epoch", np.array([total, batches.steps, rows]))
    return {"loss": loss_sum / steps, "rows_per_second": all_rows / seconds, "seconds": seconds}


def evaluate(logits: Callable[..., Any], interval: Interval) -> dict[str, float]:
    """``validation_loss`` (mean log loss) and ``validation_auc`` over the rows of all ranks."""
    loss = 0.0
    counts = np.zeros((2, BINS))
    for start in range(0, interval.rows, EVALUATION_ROWS):
        rows = interval.slice(start, min(start + EVALUATION_ROWS, interval.rows))
        z = np.asarray(logits(rows.ids, rows.dense), np.float64)
        loss += float(np.sum(np.logaddexp(0, z) - z * rows.label))
        scores = np.minimum((BINS / (1 + np.exp(-z))).astype(np.int64), BINS - 1)
        for label in (0, 1):
            counts[label] += np.bincount(scores[rows.label == label], minlength=BINS)
    all_sums = summed("evaluation", np.concatenate([[loss], counts.ravel()]))
    all_counts = all_sums[1:].reshape(2, BINS)
    return {
        "validation_loss": float(all_sums[0] / all_counts.sum()),
        "validation_auc": histogram_auc(all_counts[0], all_counts[1]),
    }


def histogram_auc(negatives: npt.NDArray[np.float64], positives: npt.NDArray[np.float64]) -> float:
    """The area under the ROC curve of scores counted in bins. A pair within a bin is a tie, and counts half.

    NaN if one of the two classes has no rows.
    """
    pairs = negatives.sum() * positives.sum()
    below = np.cumsum(negatives) - negatives
    return float(np.sum(positives * (below + negatives / 2)) / pairs) if pairs else math.nan


def summed(name: str, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The elementwise sums over all ranks. Every rank gets the same bits."""
    import horovod.tensorflow as hvd
    import tensorflow as tf

    return np.asarray(hvd.allreduce(tf.constant(values, tf.float64), op=hvd.Sum, name=name))


def weights_digest(model: Any) -> str:
    """SHA-256 of all weights in the order of the model, in hex."""
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return digest.hexdigest()
