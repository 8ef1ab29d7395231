"""A run of ``flights_daily`` for a real day on a cluster with all in S3, beside the same stages on this machine alone.

The lake holds the year until the day before, and a champion. Both ways do the same days, in turns.
"""

from __future__ import annotations

from bench.airflow_lake import measured
from bench.p9_day import of_days
from bench.result import Result


def run() -> Result:
    """Seconds are medians. A run's are those from its creation to its end, on a node that does nothing else."""
    what = "a run of flights_daily for a real day, cluster and S3 / a bare spark-submit, disk (less is better)"
    return of_days("K8S-day", what, measured("day", "bench.on_cluster"))
