"""What a training learns does not depend on the number of ranks, unless local steps are asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from headrace.config import Training
from headrace.encoding.encoder import Encoder
from headrace.training import loop
from headrace.training.batches import Batches
from headrace.training.exchange import Alone
from headrace.training.interval import Interval
from headrace.training.launcher import HorovodOnSpark
from headrace.training.learner import Learner
from headrace.training.shards import Shards
from pyspark.sql import SparkSession

from tests.support.arrow_shards import learnable
from tests.support.ranks import begun, large_tables, loss_of_an_epoch
from tests.support.together import Together, on_ranks

EPOCHS = 4


def network(encoder: Encoder) -> Any:
    """An embedding, a hidden layer, a regulariser; without dropout, whose masks differ between ranks."""
    import keras

    ids = keras.Input((2,), dtype="int32", name="categories")
    dense = keras.Input((encoder.width,), name="numbers")
    looked_up = [keras.layers.Embedding(size, 2)(ids[:, at]) for at, size in enumerate(encoder.vocabulary_sizes)]
    hidden = keras.layers.Concatenate()([*looked_up, dense])
    hidden = keras.layers.Dense(8, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3))(hidden)
    return keras.Model([ids, dense], keras.layers.Dense(1)(hidden))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    folder: Path = tmp_path_factory.mktemp("ranks")
    return learnable(folder, 1600)


def losses(
    files: Shards, ranks: int, build: Callable[[Encoder], Any] = network, **settings: Any
) -> list[tuple[float, float, str]]:
    """Of each rank: the losses of the last epoch in training and evaluation, and the digest of the weights."""

    def begin(exchange: Together) -> tuple[Learner, Batches]:
        return begun(build, files, exchange, **settings)

    def train(exchange: Together, of: tuple[Learner, Batches]) -> tuple[float, float, str]:
        learner, batches = of
        for number in range(1, EPOCHS + 1):
            figures = loop.train_epoch(learner, batches, number, exchange)
        found = loop.evaluate(learner.logits, Interval(files, exchange.rank, exchange.ranks), exchange)
        return figures["loss"], found["validation_loss"], loop.weights_digest(learner.model)

    return on_ranks(ranks, begin, train)


def test_1_2_4_and_32_ranks_have_the_same_losses(files: Shards) -> None:
    alone = losses(files, 1)[0][:2]
    assert alone[1] < 0.5
    for ranks in (2, 4, 32):
        of_ranks = losses(files, ranks)
        assert len(set(of_ranks)) == 1
        np.testing.assert_allclose(of_ranks[0][:2], alone, rtol=1e-4)


def test_large_embeddings_have_the_same_losses_and_send_only_the_rows_that_are_looked_up(
    files: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []

    def counted(exchange: Together, buffer: Any, of: Callable[..., Any] = Together.summed_buffer) -> Any:
        sent.append(len(buffer))
        return of(exchange, buffer)

    alone = losses(files, 1, large_tables)[0][:2]
    assert alone[1] < 0.68
    monkeypatch.setattr(Together, "summed_buffer", counted)
    of_ranks = losses(files, 4, large_tables)
    assert max(sent) == 5 + 1 + 1  # the weights and the bias of the dense layer, and the zero
    assert len(set(of_ranks)) == 1
    np.testing.assert_allclose(of_ranks[0][:2], alone, rtol=1e-4)


@pytest.mark.slow
def test_ranks_in_processes_gather_the_rows_of_large_embeddings(spark: SparkSession, files: Shards) -> None:
    found = HorovodOnSpark(spark)(loss_of_an_epoch, [large_tables, files], ranks=2, start_timeout=120, deadline=300)
    assert found[0] == found[1]
    alone = loss_of_an_epoch(large_tables, files, Alone())
    np.testing.assert_allclose(found[0][0], alone[0], rtol=1e-4)


def test_local_steps_end_with_the_same_weights_on_all_ranks_and_close_to_the_loss_of_one(files: Shards) -> None:
    alone = losses(files, 1)[0]
    every_step, local, again = (losses(files, 4, local_steps=steps) for steps in (1, 4, 4))
    assert len(set(local)) == 1
    assert local == again
    assert local[0][2] != every_step[0][2]
    assert abs(local[0][1] - alone[1]) < 0.05


def test_a_rate_for_a_smaller_batch_is_scaled_and_reached_after_the_first_epoch() -> None:
    from headrace.training.rates import rate

    scaled = rate(Training(batch_size=4096, learning_rate=0.001, rate_for_batch=1024), steps=10)
    assert [round(float(scaled(step)), 5) for step in (0, 5, 10, 100)] == [0.001, 0.0025, 0.004, 0.004]
    assert rate(Training(batch_size=1024, learning_rate=0.001, rate_for_batch=1024), steps=10) == 0.001
