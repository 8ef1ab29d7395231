"""Ranks as threads of one process, which exchange what ranks in processes exchange."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from headrace.training.exchange import F64

T = TypeVar("T")


class Meeting:
    """Where so many threads bring an array each, and take the sum of all, or all of their rows."""

    def __init__(self, ranks: int) -> None:
        self.ranks = ranks
        self._barrier = threading.Barrier(ranks)
        self._brought: list[Any] = [None] * ranks

    def sum(self, rank: int, array: Any) -> Any:
        return self._bring(rank, array, lambda brought: np.sum(brought, axis=0))

    def gather(self, rank: int, array: Any) -> Any:
        return self._bring(rank, array, np.concatenate)

    def _bring(self, rank: int, array: Any, joined: Callable[[list[Any]], Any]) -> Any:
        self._brought[rank] = array
        self._barrier.wait()
        found = joined(self._brought)
        self._barrier.wait()
        return found

    def leave(self) -> None:
        self._barrier.abort()


class Together:
    """The exchange of one thread."""

    def __init__(self, meeting: Meeting, rank: int) -> None:
        self._meeting = meeting
        self.rank, self.ranks = rank, meeting.ranks

    def summed(self, values: F64) -> F64:
        total: F64 = self._meeting.sum(self.rank, values)
        return total

    def summed_buffer(self, buffer: Any) -> Any:
        import tensorflow as tf

        return tf.constant(self._meeting.sum(self.rank, buffer.numpy()))

    def gathered(self, rows: Any, _: str, /) -> Any:
        import tensorflow as tf

        return tf.constant(self._meeting.gather(self.rank, rows.numpy()))

    def from_rank_0(self, variables: list[Any]) -> None:
        pass  # the seed gives all of them the same weights


def on_ranks(ranks: int, make: Callable[[Together], T], run: Callable[[Together, T], Any]) -> list[Any]:
    """Call ``make`` for each rank in turn, then ``run`` on all ranks at once; returns what ``run`` returns."""
    meeting = Meeting(ranks)
    exchanges = [Together(meeting, rank) for rank in range(ranks)]
    made = [make(exchange) for exchange in exchanges]

    def one(rank: int) -> Any:
        try:
            return run(exchanges[rank], made[rank])
        except BaseException:
            meeting.leave()
            raise

    with ThreadPoolExecutor(ranks) as threads:
        return list(threads.map(one, range(ranks)))
