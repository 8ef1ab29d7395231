"""A run of ``flights_daily`` for a real day on a cluster and S3, beside the same stages on this machine and its disk.

The lake holds the year until the day before, and a champion. Both ways work on the same days, in turns.
"""

from __future__ import annotations

from bench.airflow_lake import measured
from bench.p9_day import of_days
from bench.result import Result


def run() -> Result:
    """Measure in turns; seconds are medians. A run lasts from its creation to its end. The node does nothing else."""
    what = "a run of flights_daily for a real day, cluster and S3 / a bare spark-submit, disk (less is better)"
    return of_days("K8S-day", what, measured("day", "bench.on_cluster"))
