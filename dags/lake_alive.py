"""Every morning: was a day scored, and a model trained last week? A DAG that is paused fails nothing."""

import datetime as dt

from airflow.sdk import CronTriggerTimetable, dag
from headrace.orchestration import alive, done_within, policy


@dag(
    schedule=CronTriggerTimetable("30 9 * * *", timezone="America/New_York"),
    start_date=dt.datetime(2013, 2, 1),
    catchup=False,
    max_active_runs=1,
    default_args=policy("flights", alert="page", retries=2),  # what it finds is told at once
    deadline=done_within(0.5),
    tags=["flights"],
    doc_md=__doc__,
)
def lake_alive() -> None:
    alive("score", within_hours=4)  # flights_daily starts at six
    alive("train", within_hours=9 * 24)


lake_alive()
