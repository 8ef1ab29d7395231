"""Every hour, on a cluster: delete applications that no task owns any more. A lost worker may leave one."""

import datetime as dt

from airflow.sdk import CronTriggerTimetable, dag
from headrace.orchestration import policy, sweep


@dag(
    schedule=CronTriggerTimetable("15 * * * *", timezone="America/New_York"),
    start_date=dt.datetime(2013, 2, 1),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,  # it is easily forgotten, and on a laptop it finds nothing to do
    default_args=policy("lake", alert="mail"),
    tags=["lake"],
    doc_md=__doc__,
)
def cluster_sweep() -> None:
    sweep()


cluster_sweep()
