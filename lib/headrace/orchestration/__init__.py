"""What a DAG author uses: stages and PySpark files as Airflow tasks, schedules, and notifications of failures.

Importing this package imports neither Spark nor the Kubernetes provider; a task imports what it needs when it runs.
"""

from headrace.commands import Build, Freshness, Land, Maintain, Promote, Rollback, Score, Train, Verify
from headrace.orchestration.alerts import Alert
from headrace.orchestration.assets import asset
from headrace.orchestration.deadlines import done_within
from headrace.orchestration.job import SparkJob
from headrace.orchestration.schedule import DAY, WEEK_END, daily, days_param, policy, version_param, weekly
from headrace.orchestration.tasks import combined, gate, promote, stage, sweep

__all__ = [
    "DAY",
    "WEEK_END",
    "Alert",
    "Build",
    "Freshness",
    "Land",
    "Maintain",
    "Promote",
    "Rollback",
    "Score",
    "SparkJob",
    "Train",
    "Verify",
    "asset",
    "combined",
    "daily",
    "days_param",
    "done_within",
    "gate",
    "policy",
    "promote",
    "stage",
    "sweep",
    "version_param",
    "weekly",
]
