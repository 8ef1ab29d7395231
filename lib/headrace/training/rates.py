"""The learning rate of each update."""

from __future__ import annotations

from typing import Any

from headrace.config import Training


def rate(settings: Training, steps: int) -> Any:
    """The learning rate, for an optimizer of Keras.

    It is ``learning_rate`` throughout, unless ``rate_for_batch`` says for which batch size that rate was found. A
    larger batch then has a rate that grows in proportion (Goyal et al. 2017, "Accurate, large minibatch SGD"). During
    the first epoch the rate rises from the declared one, because a new network diverges at a large rate.

    Args:
        settings: the rate and the batch size.
        steps: the updates of an epoch.
    """
    import keras

    found_for = settings.rate_for_batch or settings.batch_size
    if settings.batch_size <= found_for:
        return settings.learning_rate
    scaled = settings.learning_rate * settings.batch_size / found_for
    return keras.optimizers.schedules.PolynomialDecay(settings.learning_rate, steps, scaled)
