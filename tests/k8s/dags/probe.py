"""Tasks that do what their run says, for tests: one with plain names, and one whose names are as long and odd as Airflow
takes them."""

import datetime as dt

from airflow.sdk import Param, dag
from headrace.orchestration import SparkJob, policy

NAMES = {"probe": "probe", "2013.flights_" + "of.the-day." * 16 + "0123456789.": "1st." * 49 + "Task"}

for dag_id, task_id in NAMES.items():

    @dag(
        dag_id,
        schedule=None,
        start_date=dt.datetime(2013, 1, 1),
        max_active_runs=4,
        default_args=policy("tests", retries=1) | {"retry_delay": dt.timedelta(seconds=5)},
        params={"words": Param("say hello", type="string")},
    )
    def probe(task_id: str = task_id) -> None:
        SparkJob(file="jobs/probe.py", args=["{{ params.words }}"], do_xcom_push=False, task_id=task_id)

    probe()
