"""Every Sunday night: compact and clean the tables, remove what killed jobs left."""

import datetime as dt

from airflow.sdk import CronTriggerTimetable, dag
from headrace.orchestration import Maintain, policy, stage


@dag(
    schedule=CronTriggerTimetable("0 2 * * 0", timezone="America/New_York"),
    start_date=dt.datetime(2013, 2, 1),
    catchup=False,
    max_active_runs=1,
    default_args=policy("lake", alert="mail"),
    tags=["lake"],
    doc_md=__doc__,
)
def lake_maintenance() -> None:
    stage(Maintain())


lake_maintenance()
