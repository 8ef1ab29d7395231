"""Every morning: check that a day was scored, and a model trained last week. A paused DAG fails no task."""

import datetime as dt

from airflow.sdk import CronTriggerTimetable, dag
from headrace.orchestration import Freshness, done_within, policy, stage


@dag(
    schedule=CronTriggerTimetable("30 9 * * *", timezone="America/New_York"),
    start_date=dt.datetime(2013, 2, 1),
    catchup=False,
    max_active_runs=1,
    default_args=policy("flights", alert="page", retries=2),  # a finding is sent at once
    deadline=done_within(0.5),
    tags=["flights"],
    doc_md=__doc__,
)
def lake_freshness() -> None:
    # These tasks do not wait for the pool of jobs, because a job that hangs must not keep them from running.
    score = Freshness("score", within_hours=4)  # flights_daily starts at six
    train = Freshness("train", within_hours=9 * 24)
    for check in (score, train):
        stage(check, task_id=f"fresh_{check.checked}", pool="default_pool")


lake_freshness()
