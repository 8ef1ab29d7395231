"""P8 on a single day of ten million rows, which no chunk can divide, beside a day of a million."""

from __future__ import annotations

from bench.p8_size import compared
from bench.result import Result

DAY = "2013-01-01"  # the first of all feeds, so that nothing of its look-back is missing
ONE, TEN = 1_188, 11_877  # copies of each of the day's 842 real flights: 1.0 and 10.0 million rows


def run() -> Result:
    """Build a day of a million rows and a day of ten million, once each."""
    return compared("P8-day", [ONE, TEN], turns=1, days=DAY)
