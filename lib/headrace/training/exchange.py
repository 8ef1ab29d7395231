"""What ranks exchange. Every rank gets the same bits, because sums are formed in the order of the ranks.

`Alone` is a single rank, which exchanges nothing. `Horovod` is this rank among others.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


class Exchange(Protocol):
    """This rank, from 0, and what it exchanges with the other ranks. All ranks must call the same methods in turn."""

    @property
    def rank(self) -> int: ...

    @property
    def ranks(self) -> int: ...

    def summed(self, values: F64) -> F64:
        """The elementwise sums over all ranks."""
        ...

    def summed_buffer(self, buffer: Any) -> Any:
        """The elementwise sums over all ranks of a float32 tensor [n]. One call is one message."""
        ...

    def gathered(self, rows: Any, name: str, /) -> Any:
        """The rows of the tensors [m, ...] that all ranks bring, in the order of the ranks.

        ``name`` is the same on all ranks, and differs from what else is gathered.
        """
        ...

    def from_rank_0(self, variables: list[Any]) -> None:
        """Set TensorFlow variables to the values that rank 0 has."""
        ...


@dataclass(frozen=True)
class Alone:
    """A training of one rank."""

    rank: int = 0
    ranks: int = 1

    def summed(self, values: F64) -> F64:
        return values

    def summed_buffer(self, buffer: Any) -> Any:
        return buffer

    def gathered(self, rows: Any, _: str, /) -> Any:
        return rows

    def from_rank_0(self, variables: list[Any]) -> None:
        pass


@dataclass(frozen=True)
class Horovod:
    """One of several ranks that Horovod connects."""

    rank: int
    ranks: int

    def summed(self, values: F64) -> F64:
        import horovod.tensorflow as hvd
        import tensorflow as tf

        return np.asarray(hvd.allreduce(tf.constant(values, tf.float64), op=hvd.Sum, name="values"))

    def summed_buffer(self, buffer: Any) -> Any:
        return self._compiled(buffer)

    def gathered(self, rows: Any, name: str, /) -> Any:
        import horovod.tensorflow as hvd

        return hvd.allgather(rows, name=name)

    def from_rank_0(self, variables: list[Any]) -> None:
        import horovod.tensorflow as hvd

        hvd.broadcast_variables(variables, root_rank=0)

    @cached_property
    def _compiled(self) -> Callable[[Any], Any]:
        """Compiled, because a call of Horovod from Python takes as long as the message itself."""
        import horovod.tensorflow as hvd
        import tensorflow as tf

        compiled: Callable[[Any], Any] = tf.function(
            lambda buffer: hvd.allreduce(buffer, op=hvd.Sum, name="buffer"),
            input_signature=[tf.TensorSpec((None,), tf.float32)],
        )
        return compiled


def join(spare_core: bool = False) -> Exchange:
    """Join the other ranks, in a process that Horovod started. A single rank does not start Horovod's threads.

    Horovod's own thread looks for messages every millisecond. With a spare core it looks all the time, so that no
    message waits. Without one, the rank computes more slowly: steps of a small network took 1.6 times as long.
    """
    if os.environ.get("HOROVOD_SIZE") == "1":
        return Alone()
    if spare_core:
        os.environ.setdefault("HOROVOD_CYCLE_TIME", "0")
    import horovod.tensorflow as hvd

    hvd.init()
    return Horovod(hvd.rank(), hvd.size())
