"""Prepare what comes next while the current is used."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """Iterates over ``source``, whose next item another thread makes meanwhile.

    Args:
        source: makes the items.
        beside: whether another thread makes them. On a single core that only costs the time to switch threads.

    Attributes:
        waited: the seconds that the caller has waited for items.
    """

    def __init__(self, source: Iterator[T], beside: bool) -> None:
        self.waited = 0.0
        self._source, self._beside = source, beside

    def __iter__(self) -> Iterator[T]:
        """Each item of the source, in its order. An error of the source is raised here."""
        return self._from_thread() if self._beside else self._in_turn()

    def _in_turn(self) -> Iterator[T]:
        while True:
            began = time.perf_counter()
            item = next(self._source, None)
            self.waited += time.perf_counter() - began
            if item is None:
                return
            yield item

    def _from_thread(self) -> Iterator[T]:
        nothing = object()
        with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
            following = thread.submit(next, self._source, nothing)
            while True:
                began = time.perf_counter()
                item = following.result()
                self.waited += time.perf_counter() - began
                if item is nothing:
                    return
                following = thread.submit(next, self._source, nothing)
                yield item  # type: ignore[misc]
