"""The training loop of one rank: an epoch of steps, and the evaluation on the validation rows.

It runs in a rank's process, after `begin`. The same inputs give the same bits on the same kind of processor, with the
same ranks and threads. This needs deterministic kernels, one message for all gradients, and sums in the order of ranks.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.errors import TrainingDivergedError
from headrace.training.ahead import Ahead
from headrace.training.batches import Batches
from headrace.training.cores import cores_of_rank
from headrace.training.exchange import Exchange, join
from headrace.training.interval import Interval
from headrace.training.learner import Learner
from headrace.training.rows import tensor

BINS = 10_000  # of the histogram of scores that gives the validation AUC
EVALUATION_ROWS = 8192  # rows that the evaluation passes to the network at once
SLOWER = "Lower training.learning_rate, and look for extreme inputs"


def begin(threads: int | None = None) -> Exchange:
    """Give TensorFlow its threads, by default one for each of this rank's cores, and join the other ranks."""
    import tensorflow as tf

    cores = cores_of_rank()
    tf.config.threading.set_intra_op_parallelism_threads(threads or cores)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    return join(spare_core=threads is not None and threads < cores)


def train_epoch(learner: Learner, batches: Batches, number: int, exchange: Exchange) -> dict[str, float]:
    """Train for one epoch. All ranks end it with the same weights.

    Returns:
        ``loss`` (the mean of the batches' mean losses), ``rows_per_second`` of all ranks together, and ``seconds``.
        Then where the seconds went, as means of the ranks: ``input``, ``compute``, ``exchange`` and ``wait``. The rank
        that waits least for others waits for nobody; what the others spend more in exchanges than it does is ``wait``.

    Raises:
        TrainingDivergedError: the loss of a batch, or a weight, is infinite or undefined.
    """
    began = time.perf_counter()
    learner.exchange_seconds, loss = 0.0, 0.0
    blocks = Ahead(batches.blocks(number, exchange.rank, exchange.ranks), beside=cores_of_rank() > 1)
    for part in chain.from_iterable(blocks):
        loss += learner.step(part)
        if not math.isfinite(loss):
            raise TrainingDivergedError(f"the loss became {loss} in epoch {number}", SLOWER)
    learner.synchronise()
    if not all(np.isfinite(weight.numpy()).all() for weight in learner.model.weights):
        raise TrainingDivergedError(f"weights became infinite or undefined in epoch {number}", SLOWER)
    seconds = time.perf_counter() - began
    return _figures(loss, batches, seconds, blocks.waited, learner.exchange_seconds, exchange)


def _figures(
    loss: float, batches: Batches, seconds: float, waited: float, exchanged: float, exchange: Exchange
) -> dict[str, float]:
    of_rank = np.zeros((exchange.ranks, 4))
    of_rank[exchange.rank] = loss, seconds, waited, exchanged
    losses, times, inputs, exchanges = exchange.summed(of_rank.ravel()).reshape(of_rank.shape).T
    slowest = float(times.max())
    return {
        "loss": float(losses.sum()) / batches.steps,
        "rows_per_second": batches.rows / slowest,
        "seconds": slowest,
        "input": float(inputs.mean()),
        "compute": float((times - inputs - exchanges).mean()),
        "exchange": float(exchanges.min()),
        "wait": float(exchanges.mean() - exchanges.min()),
    }


def evaluate(logits: Callable[[Any, Any], Any], interval: Interval, exchange: Exchange) -> dict[str, float]:
    """``validation_loss`` (mean log loss) and ``validation_auc`` over the rows of all ranks.

    Raises:
        TrainingDivergedError: the loss is infinite or undefined.
    """
    loss = 0.0
    counts = np.zeros((2, BINS))
    for start in range(0, interval.rows, EVALUATION_ROWS):
        rows = interval.slice(start, min(start + EVALUATION_ROWS, interval.rows))
        z = np.asarray(logits(tensor(rows.ids), tensor(rows.dense)), np.float64)
        loss += float(np.sum(np.logaddexp(0, z) - z * rows.label))
        scores = np.minimum((BINS / (1 + np.exp(-np.nan_to_num(z)))).astype(np.int64), BINS - 1)  # the loss has the NaN
        for label in (0, 1):
            counts[label] += np.bincount(scores[rows.label == label], minlength=BINS)
    all_sums = exchange.summed(np.concatenate([[loss], counts.ravel()]))
    if not math.isfinite(all_sums[0]):
        raise TrainingDivergedError(f"the validation loss became {all_sums[0]}", SLOWER)
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


def weights_digest(model: Any) -> str:
    """SHA-256 of all weights in the order of the model, in hex."""
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return digest.hexdigest()
