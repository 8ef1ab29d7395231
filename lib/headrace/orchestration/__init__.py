"""What a DAG author uses: a job as an Airflow task, the stages on top of it, schedules, and who is told of failures.

Importing this costs neither Spark nor the Kubernetes provider: what a task needs is imported as it runs.
"""

from headrace.orchestration.alerts import Alert
from headrace.orchestration.assets import asset
from headrace.orchestration.deadlines import done_within
from headrace.orchestration.job import SparkJob
from headrace.orchestration.schedule import DAY, WEEK_END, daily, days_param, policy, version_param, weekly
from headrace.orchestration.tasks import (
    alive,
    build,
    building,
    gate,
    in_one,
    land,
    landing,
    maintain,
    promote,
    score,
    scoring,
    sweep,
    train,
)

__all__ = [
    "DAY",
    "WEEK_END",
    "Alert",
    "SparkJob",
    "alive",
    "asset",
    "build",
    "building",
    "daily",
    "days_param",
    "done_within",
    "gate",
    "in_one",
    "land",
    "landing",
    "maintain",
    "policy",
    "promote",
    "score",
    "scoring",
    "sweep",
    "train",
    "version_param",
    "weekly",
]
