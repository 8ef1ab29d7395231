"""A run of ``flights_daily`` for a real day on a cluster with all in S3, beside the same stages on this machine alone.

The lake holds the year until the day before, and a champion. Both ways do the same days, in turns.
"""

from __future__ import annotations

from statistics import median

from bench.airflow_lake import measured
from bench.result import Result, cores

MOST = 180.0


def run() -> Result:
    """Seconds are medians. A run's are those from its creation to its end, on a node that does nothing else."""
    found = measured("day", "bench.on_cluster")
    ours, peer = median(found["task"]), median(found["bare"])
    return Result(
        id="K8S-day",
        what="a run of flights_daily for a real day, cluster and S3 / a bare spark-submit, disk (less is better)",
        ours=round(ours, 1),
        peer=round(peer, 1),
        unit="s",
        ratio=round(ours / peer, 3),
        aim=f"<= {MOST:g} s",
        met=ours <= MOST,
        cores=cores(),
        rows=found["rows"],
        **found["more"],
    )
