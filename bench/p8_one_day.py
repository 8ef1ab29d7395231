"""P8 on a single day of ten million rows, which no chunk can divide, beside a day of a million."""

from __future__ import annotations

from bench.p8_size import compared
from bench.result import Result

DAY = "2013-01-02"
ONE, TEN = 1_061, 10_605  # copies of each of the day's 943 real flights: 1.0 and 10.0 million rows


def run() -> Result:
    """Build a day of a million rows and a day of ten million, once each."""
    return compared("P8-day", [ONE, TEN], turns=1, days=DAY)
