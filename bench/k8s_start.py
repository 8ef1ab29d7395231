"""What a task adds to an application's start on a cluster, beside ``kubectl apply`` of the same application."""

from __future__ import annotations

from statistics import median

from bench.airflow_lake import with_airflow
from bench.result import Result, cores

MAX_SECONDS_MORE = 2.0


def run() -> Result:
    """Measure in turns; seconds are medians. A task counts from its start in the UI, ``kubectl`` from its call."""
    found = with_airflow("bench.on_cluster", "start")
    ours, peer = median(found["task"]), median(found["bare"])
    return Result(
        id="K8S-start",
        what="from a task's start to its driver's first line / from kubectl apply (less is better)",
        ours=round(ours, 2),
        peer=round(peer, 2),
        unit="s",
        ratio=round(ours / peer, 3),
        aim=f"<= {MAX_SECONDS_MORE:g} s more",
        met=ours - peer <= MAX_SECONDS_MORE,
        cores=cores(),
        rows=0,
        turns=found,
    )
