"""Every morning: was anything scored since yesterday? A DAG that is paused, or never starts, fails nothing."""

import datetime as dt

from airflow.sdk import CronTriggerTimetable, dag
from headrace.orchestration import alive, policy


@dag(
    schedule=CronTriggerTimetable("30 9 * * *", timezone="America/New_York"),
    start_date=dt.datetime(2013, 2, 1),
    catchup=False,
    max_active_runs=1,
    default_args=policy("flights", alert="page", retries=0),
    tags=["flights"],
    doc_md=__doc__,
)
def lake_alive() -> None:
    alive("score", within_hours=26)


lake_alive()
