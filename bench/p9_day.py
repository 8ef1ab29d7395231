"""P9: a run of ``flights_daily`` for one real day, land to scores, beside the same stages in a bare spark-submit.

The lake holds the year until the day before, and a champion. Each turn takes the next two days, one for each way.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from bench.airflow_lake import measured
from bench.result import Result, cores

MAX_SECONDS = 180.0


def run() -> Result:
    """Measure in turns; seconds are medians. A run lasts from its creation to its end."""
    what = "a run of flights_daily for one real day / its stages in a bare spark-submit (less is better)"
    return of_days("P9-day", what, measured("day"))


def of_days(benchmark: str, what: str, found: dict[str, Any]) -> Result:
    """The result of runs of ``flights_daily`` that were measured beside bare spark-submits."""
    ours, peer = median(found["task"]), median(found["bare"])
    return Result(
        id=benchmark,
        what=what,
        ours=round(ours, 1),
        peer=round(peer, 1),
        unit="s",
        ratio=round(ours / peer, 3),
        aim=f"<= {MAX_SECONDS:g} s",
        met=ours <= MAX_SECONDS,
        cores=cores(),
        rows=found["rows"],
        **found["more"],
    )
