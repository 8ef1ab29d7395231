"""Time several functions in turns, so that a machine that slows down slows all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Timed:
    """The seconds of each counted turn."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def rounded(self) -> list[float]:
        return [round(s, 2) for s in self.seconds]


def in_turns(ways: Mapping[str, Callable[[], object]], turns: int, warm: int = 1) -> dict[str, Timed]:
    """Run every function once in each turn; the first ``warm`` turns do not count."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(warm + turns):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            took = time.perf_counter() - began
            print(f"  turn {turn} of {warm + turns - 1}  {name:<12} {took:.2f} s", flush=True)
            if turn >= warm:
                seconds[name].append(took)
    return {name: Timed(tuple(times)) for name, times in seconds.items()}
