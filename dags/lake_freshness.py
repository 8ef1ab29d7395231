"""Every morning: check that the day before was scored, and a model trained lately. A paused DAG fails no task."""

import pendulum
from airflow.sdk import CronTriggerTimetable, dag
from headrace.orchestration import Freshness, days_param, done_within, policy, stage


@dag(
    schedule=CronTriggerTimetable("30 9 * * *", timezone="America/New_York"),
    start_date=pendulum.datetime(2013, 2, 1, tz="America/New_York"),
    catchup=False,
    max_active_runs=1,
    default_args=policy("flights", alert="page", retries=2),  # a finding is sent at once
    deadline=done_within(0.5),
    params={"days": days_param()},
    tags=["flights"],
    doc_md=__doc__,
)
def lake_freshness() -> None:
    # These tasks do not wait for the pool of jobs, because a job that hangs must not keep them from running.
    stage(Freshness("flights.late15_scores"), task_id="scored", pool="default_pool")
    stage(Freshness("flights.late15", within_days=9), task_id="trained", pool="default_pool")


lake_freshness()
