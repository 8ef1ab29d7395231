"""P8 at ten million rows: on 59 days, and on a single day, each beside a million rows in the same run."""

from __future__ import annotations

from bench.p8_size import ONE, compared
from bench.result import Result

TEN = 193  # copies of each real flight of the days: 10.0 million rows


def run() -> Result:
    """Build a million rows and ten million, once each."""
    return compared("P8-10M", [ONE, TEN], turns=1)
