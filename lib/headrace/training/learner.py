"""One rank's network: the gradients of its part of a batch, and the update that all ranks make alike.

Ranks exchange one buffer. With one local step, the buffer has the gradients of a batch, and every rank makes the same
update. `gradients` says what is sent of large embeddings. With more local steps, each rank updates its own network for
so many steps. The buffer then has the weights and the optimizer's moments, whose means all ranks take. See Lin et al.
2020, "Don't use large mini-batches, use local SGD".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from headrace.config import Training
from headrace.encoding.encoder import Encoder
from headrace.encoding.feed import feed_of, signature
from headrace.training.batches import Part
from headrace.training.exchange import Exchange
from headrace.training.gradients import Packing, split
from headrace.training.network import checked, not_decayed
from headrace.training.rates import rate
from headrace.training.rows import tensor

SEED_OF_RANK = 1_000_003  # between the seeds of two ranks; a model's own seeds are seldom so far apart


class Learner:
    """A new network whose initial weights depend on the seed only, and are the same on all ranks.

    Args:
        build: takes the encoder, and returns a Keras model whose output is a logit, [n, 1].
        encoder: the encoder of the rows.
        settings: seed, rate, local steps and so on.
        exchange: this rank among the others.
        steps: the updates of an epoch.

    Raises:
        NetworkError: the network cannot be trained; see `network.checked` and `feed_of`.

    Attributes:
        model: the Keras model.
        logits: takes ids int32 [n, k] and dense float32 [n, d]; returns the logits, a float32 tensor [n].
        exchange_seconds: the time that this rank has spent in exchanges, with its waits for other ranks.
    """

    def __init__(
        self, build: Callable[[Encoder], Any], encoder: Encoder, settings: Training, exchange: Exchange, steps: int
    ) -> None:
        import keras

        keras.utils.set_random_seed(settings.seed)
        self.model = checked(build(encoder))
        self.exchange_seconds = 0.0
        self._exchange, self._settings = exchange, settings
        self._optimizer = keras.optimizers.AdamW(rate(settings, steps), weight_decay=settings.weight_decay)
        self._optimizer.exclude_from_weight_decay(var_list=not_decayed(self.model))
        self._optimizer.build(self.model.trainable_variables)
        exchange.from_rank_0([variable.value for variable in self.variables])
        self.set_apart()
        self._independent = exchange.ranks == 1 or settings.local_steps > 1  # a step needs no other rank
        self._unshared = 0  # steps since the ranks averaged their weights
        self._compile(encoder)

    @property
    def variables(self) -> list[Any]:
        """All that the next step depends on: weights, averages, the state of random layers, and the optimizer."""
        return [*self.model.variables, *self._optimizer.variables]

    def set_apart(self) -> None:
        """Give this rank its own random numbers, such as dropout's masks, after it has got the state of rank 0.

        All ranks advance their random state alike, so that the state of rank 0 is enough for a checkpoint.
        """
        for variable in self.model.variables:
            if variable.name == "seed_generator_state":  # a seed and a counter
                variable.assign_add([self._exchange.rank * SEED_OF_RANK, 0])

    def step(self, part: Part) -> float:
        """Learn from this rank's part of a batch. Returns the part's share of the batch's mean loss."""
        import tensorflow as tf

        rows = [tensor(array) for array in part.rows]
        share = len(part.rows.label) / part.of
        if self._independent:
            loss = float(self._step(*rows, tf.constant(1.0))) * share
            self._unshared += 1
            if self._unshared == self._settings.local_steps:
                self.synchronise()
            return loss
        loss, buffer, rows_of_tables = self._gradients(*rows, tf.constant(share, tf.float32))
        self._update(self._summed(buffer), self._gathered(rows_of_tables))
        return float(loss)

    def synchronise(self) -> None:
        """Give all ranks the same state: the means of what differs between them.

        Between exchanges of gradients only averages differ, such as a norm's means. After local steps the weights and
        the optimizer's moments differ as well.
        """
        import tensorflow as tf

        if self._exchange.ranks == 1:
            return
        differ = self._state if self._unshared else _floats(self.model.non_trainable_variables)
        self._unshared = 0
        if differ:
            mean = self._summed(tf.concat([tf.reshape(value, [-1]) for value in differ], 0)) / self._exchange.ranks
            for value, piece in zip(differ, split(mean, differ), strict=True):
                value.assign(piece)

    def _summed(self, buffer: Any) -> Any:
        return self._timed(self._exchange.summed_buffer, buffer)

    def _gathered(self, rows_of_tables: Sequence[Sequence[Any]]) -> list[list[Any]]:
        names = ("row numbers", "values")
        return [
            [self._timed(self._exchange.gathered, part, f"{name} {at}") for name, part in zip(names, rows, strict=True)]
            for at, rows in enumerate(rows_of_tables)
        ]

    def _timed(self, exchange: Callable[..., Any], *brought: Any) -> Any:
        began = time.perf_counter()
        found = exchange(*brought)
        self.exchange_seconds += time.perf_counter() - began
        return found

    @property
    def _state(self) -> list[Any]:
        """All that local steps change, except for counters, which stay the same on all ranks."""
        moments = [variable for variable in self._optimizer.variables if variable.name != "learning_rate"]
        return _floats([*self.model.variables, *moments])

    def _compile(self, encoder: Encoder) -> None:
        """Compile the functions of a step. Concrete functions skip the search for a trace, a tenth of a small step."""
        import tensorflow as tf

        model, optimizer, feed = self.model, self._optimizer, feed_of(self.model, encoder)
        variables = model.trainable_variables
        trainable = [variable.value for variable in variables]
        rows = signature(encoder)
        label, scalar = (tf.TensorSpec(shape, tf.float32) for shape in ((None,), ()))
        packing = Packing(trainable, self._settings.batch_size)

        def derived(ids: Any, dense: Any, label: Any, share: Any) -> tuple[Any, list[Any]]:
            """The mean loss of the rows times their share of the batch, and its gradients."""
            with tf.GradientTape() as tape:
                logits = model(feed(ids, dense), training=True)[:, 0]
                loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(label, logits)) * share
                whole = loss + tf.add_n([*model.losses, 0.0]) * share
            return loss, tape.gradient(whole, trainable, unconnected_gradients=tf.UnconnectedGradients.ZERO)

        def step(*rows_and_share: Any) -> Any:
            loss, found = derived(*rows_and_share)
            optimizer.apply([tf.convert_to_tensor(gradient) for gradient in found], variables)
            return loss

        def gradients(*rows_and_share: Any) -> Any:
            loss, found = derived(*rows_and_share)
            return loss, *packing.pack(found)

        def update(buffer: Any, rows_of_tables: Any) -> None:
            optimizer.apply(packing.unpack(buffer, rows_of_tables), variables)

        def compiled(function: Callable[..., Any], *specs: Any) -> Any:
            return tf.function(function, input_signature=specs).get_concrete_function()

        self.logits = compiled(lambda ids, dense: model(feed(ids, dense), training=False)[:, 0], *rows)
        if self._independent:
            self._step = compiled(step, *rows, label, scalar)
        else:
            self._gradients = compiled(gradients, *rows, label, scalar)
            _, *sent = tf.nest.map_structure(tf.TensorSpec.from_tensor, self._gradients.structured_outputs)
            self._update = compiled(update, *sent)


def _floats(variables: Sequence[Any]) -> list[Any]:
    return [variable.value for variable in variables if variable.dtype == "float32"]
