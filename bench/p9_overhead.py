"""P9: what Airflow adds to a job: a task that lands a day again, beside the same spark-submit without it."""

from __future__ import annotations

from statistics import median

from bench.airflow_lake import measured
from bench.result import Result, cores

MAX_SECONDS_MORE = 5.0


def run() -> Result:
    """Measure in turns; seconds are medians. A task lasts from its start to its end, as the UI shows them."""
    found = measured("overhead")
    ours, peer = median(found["task"]), median(found["bare"])
    return Result(
        id="P9-overhead",
        what="a task that lands a day again / the bare spark-submit (less is better)",
        ours=round(ours, 2),
        peer=round(peer, 2),
        unit="s",
        ratio=round(ours / peer, 3),
        aim=f"< {MAX_SECONDS_MORE:g} s more",
        met=ours - peer < MAX_SECONDS_MORE,
        cores=cores(),
        rows=found["rows"],
        **found["more"],
    )
