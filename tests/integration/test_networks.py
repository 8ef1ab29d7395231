"""Networks as users of Keras write them: which train, and which are refused before any rank starts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from headrace.config import Training
from headrace.encoding.encoder import Encoder
from headrace.encoding.feed import feed_of
from headrace.errors import NetworkError, TrainingDivergedError, UseCaseError
from headrace.training import dry_step, loop
from headrace.training.batches import Batches
from headrace.training.exchange import Alone
from headrace.training.interval import first_rows
from headrace.training.learner import Learner
from headrace.training.network import not_decayed
from headrace.training.shards import Shards

from tests.support.arrow_shards import ENCODER, learnable
from tests.support.together import Together, on_ranks

SETTINGS = Training(batch_size=128, learning_rate=0.01)
Build = Callable[[Encoder], Any]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    return learnable(tmp_path_factory.mktemp("networks"), 800)


def inputs() -> tuple[Any, Any]:
    import keras

    return keras.Input((2,), dtype="int32", name="categories"), keras.Input((ENCODER.width,), name="numbers")


def with_norm(_: Encoder) -> Any:
    import keras

    categories, numbers = inputs()
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(8)(numbers))
    looked_up = keras.layers.Flatten()(keras.layers.Embedding(8, 2)(categories))
    return keras.Model([categories, numbers], keras.layers.Dense(1)(keras.layers.Concatenate()([looked_up, hidden])))


def by_column(_: Encoder) -> Any:
    """Inputs that are single columns, and a layer called `dense`."""
    import keras

    origin, wind = keras.Input((1,), dtype="int32", name="origin"), keras.Input((2,), name="wind")
    looked_up = keras.layers.Flatten()(keras.layers.Embedding(5, 2)(origin))
    hidden = keras.layers.Dense(4, name="dense")(keras.layers.Concatenate()([looked_up, wind]))
    return keras.Model({"origin": origin, "wind": wind}, keras.layers.Dense(1, name="ids")(hidden))


def sequence(kind: str) -> Build:
    def build(_: Encoder) -> Any:
        import keras

        numbers = keras.Input((ENCODER.width,), name="numbers")
        steps = keras.layers.Reshape((ENCODER.width, 1))(numbers)
        layer = {"lstm": keras.layers.LSTM(3), "gru": keras.layers.GRU(3), "conv": keras.layers.Conv1D(3, 2)}[kind]
        return keras.Model(numbers, keras.layers.Dense(1)(keras.layers.Flatten()(layer(steps))))

    return build


def sequential(_: Encoder) -> Any:
    import keras

    return keras.Sequential([keras.Input((ENCODER.width,), name="numbers"), keras.layers.Dense(1)])


NETWORKS = {
    "norm": with_norm,
    "columns": by_column,
    "sequential": sequential,
    **{kind: sequence(kind) for kind in ("lstm", "gru", "conv")},
}


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_a_network_trains_and_its_loss_falls(files: Shards, build: Build) -> None:
    batches = Batches([files], SETTINGS.batch_size, seed=1)
    learner = Learner(build, ENCODER, SETTINGS, Alone(), batches.steps)
    first, *_, last = [loop.train_epoch(learner, batches, number, Alone())["loss"] for number in (1, 2, 3)]
    assert last < first


def test_an_input_named_after_a_column_has_the_values_of_that_column(files: Shards) -> None:
    rows = first_rows(files, 10)
    fed = feed_of(by_column(ENCODER), ENCODER)(rows.ids, rows.dense)
    np.testing.assert_array_equal(fed["origin"], rows.ids[:, 1:])
    np.testing.assert_array_equal(fed["wind"], rows.dense[:, :2])


def test_the_averages_of_a_norm_are_the_means_of_all_ranks(files: Shards) -> None:
    batches = Batches([files], SETTINGS.batch_size, seed=1)

    def begin(exchange: Together) -> Learner:
        return Learner(with_norm, ENCODER, SETTINGS, exchange, batches.steps)

    def train(exchange: Together, learner: Learner) -> tuple[list[float], list[float], str]:
        for part in batches.epoch(1, exchange.rank, exchange.ranks):
            learner.step(part)
        before = learner.model.non_trainable_weights[0].numpy().tolist()
        learner.synchronise()
        return before, learner.model.non_trainable_weights[0].numpy().tolist(), loop.weights_digest(learner.model)

    before, after, digests = zip(*on_ranks(2, begin, train), strict=True)
    assert before[0] != before[1]
    np.testing.assert_allclose(after[0], np.mean(before, axis=0), rtol=1e-5)
    assert digests[0] == digests[1]


def test_weight_decay_spares_biases_norms_and_embeddings() -> None:
    model = with_norm(ENCODER)
    spared = [variable.path.split("/")[-1] for variable in not_decayed(model)]
    assert sorted(spared) == ["beta", "bias", "bias", "embeddings", "gamma"]
    assert len(model.trainable_variables) == 7


def test_weight_decay_spares_the_bias_of_a_recurrent_layer() -> None:
    model = sequence("gru")(ENCODER)
    assert sorted(variable.name for variable in not_decayed(model)) == ["bias", "bias"]


def test_each_rank_draws_other_random_numbers_and_all_keep_the_state_of_rank_0(files: Shards) -> None:
    from flights.network import build

    seeds = []
    for rank in (0, 1):
        learner = Learner(build, ENCODER, SETTINGS, Alone(rank=rank), steps=1)
        seeds.append([v.numpy().tolist() for v in learner.model.variables if v.name == "seed_generator_state"])
    assert len(seeds[0]) == 2
    assert [theirs[0] - ours[0] for ours, theirs in zip(*seeds, strict=True)] == [1_000_003, 1_000_003]


def test_a_regulariser_counts(files: Shards) -> None:
    def build(strength: float) -> Build:
        def network(_: Encoder) -> Any:
            import keras

            categories, numbers = inputs()
            logit = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(strength))(numbers)
            return keras.Model([categories, numbers], logit)

        return network

    def size(strength: float) -> float:
        batches = Batches([files], SETTINGS.batch_size, seed=1)
        fast = Training(batch_size=128, learning_rate=0.05)
        learner = Learner(build(strength), ENCODER, fast, Alone(), batches.steps)
        for number in range(1, 6):
            loop.train_epoch(learner, batches, number, Alone())
        return float(np.square(learner.model.trainable_variables[0].numpy()).sum())

    assert size(1.0) < size(0.0) / 4


def test_weights_that_become_undefined_are_told_as_divergence(files: Shards) -> None:
    batches = Batches([files], SETTINGS.batch_size, seed=1)
    learner = Learner(with_norm, ENCODER, SETTINGS, Alone(), batches.steps)
    learner.model.non_trainable_weights[0].assign(np.full(8, np.nan, np.float32))  # of no use in training
    with pytest.raises(TrainingDivergedError, match="weights became infinite or undefined in epoch 1"):
        loop.train_epoch(learner, batches, 1, Alone())


def two_outputs(_: Encoder) -> Any:
    import keras

    categories, numbers = inputs()
    return keras.Model([categories, numbers], keras.layers.Dense(2)(numbers))


def unknown_input(_: Encoder) -> Any:
    import keras

    speed = keras.Input((2,), name="speed")
    return keras.Model(speed, keras.layers.Dense(1)(speed))


def too_wide(_: Encoder) -> Any:
    import keras

    numbers = keras.Input((9,), name="numbers")
    return keras.Model(numbers, keras.layers.Dense(1)(numbers))


def no_weights(_: Encoder) -> Any:
    import keras

    wind = keras.Input((2,), name="wind")
    return keras.Model(wind, wind[:, :1])


def a_lambda(_: Encoder) -> Any:
    import keras

    numbers = keras.Input((ENCODER.width,), name="numbers")
    return keras.Model(numbers, keras.layers.Dense(1)(keras.layers.Lambda(lambda x: x * 2)(numbers)))


def logarithm(_: Encoder) -> Any:
    import keras

    numbers = keras.Input((ENCODER.width,), name="numbers")
    return keras.Model(numbers, keras.ops.log(-1.0 - keras.ops.relu(keras.layers.Dense(1)(numbers))))


def of_its_own(_: Encoder) -> Any:
    """With a layer that only a process knows that has imported the use case."""
    import keras

    @keras.saving.register_keras_serializable("dry_case")
    class Doubled(keras.layers.Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            return values * 2

    numbers = keras.Input((ENCODER.width,), name="numbers")
    return keras.Model(numbers, keras.layers.Dense(1)(Doubled()(numbers)))


def double_precision(_: Encoder) -> Any:
    import keras

    numbers = keras.Input((ENCODER.width,), name="numbers")
    hidden = keras.layers.Dense(4, dtype="float64", name="wide")(numbers)
    return keras.Model(numbers, keras.layers.Dense(1)(hidden))


def a_large_table_alone(_: Encoder) -> Any:
    """It has no variable whose gradient is a part of the buffer."""
    import keras

    carrier = keras.Input((1,), dtype="int32", name="carrier")
    return keras.Model(carrier, keras.layers.Flatten()(keras.layers.Embedding(300_000, 1)(carrier)))


def one_cold(_: Encoder) -> Any:
    raise KeyError("carriers")


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> str:
    """A use case's module with the networks of this file."""
    module = ModuleType("dry_case")
    module.__dict__.update({name: value for name, value in globals().items() if callable(value)})
    monkeypatch.setitem(sys.modules, "dry_case", module)
    return module.__name__


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (two_outputs, r"the network's output has the shape \(None, 2\) and the type float32. Return one logit"),
        (unknown_input, "the network has an input 'speed'. Name it one of carrier, origin, wind, rain, categories"),
        (too_wide, r"input numbers has the shape \(None, 9\); a row has 4 values for it"),
        (no_weights, "the network has no weights to train"),
        (a_lambda, "its saved model cannot be loaded: .*Lambda"),
        (of_its_own, "its saved model cannot be loaded: .*Doubled"),
        (double_precision, "the weights wide/kernel, wide/bias are not float32"),
        (logarithm, "the loss of its first step is nan"),
        (one_cold, "cannot be trained: KeyError: 'carriers'"),
    ],
)
def test_a_network_that_cannot_be_trained_is_refused_with_the_reason(
    files: Shards, package: str, build: Build, says: str
) -> None:
    with pytest.raises((NetworkError, UseCaseError), match=says) as refused:
        dry_step.try_network(f"{package}:{build.__name__}", ENCODER, first_rows(files, 64), SETTINGS)
    assert build.__name__ in str(refused.value)


def test_a_network_that_can_be_trained_passes_its_dry_step(files: Shards, package: str, tmp_path: Path) -> None:
    for build in (with_norm, by_column, sequential, a_large_table_alone):
        dry_step.try_network(f"{package}:{build.__name__}", ENCODER, first_rows(files, 64), SETTINGS)
