"""Tasks for tests that do what the words of their run say: one with plain names, one with long and odd names."""

import datetime as dt

from airflow.sdk import DAG, Param
from headrace.orchestration import SparkJob, policy

ODD = "2013.flights_" + "of.the-day." * 16 + "0123456789."


def probe(dag_id: str, task_id: str, tag: str) -> DAG:
    with DAG(
        dag_id,
        schedule=None,
        start_date=dt.datetime(2013, 1, 1),
        max_active_runs=4,
        default_args=policy("tests", retries=1) | {"retry_delay": dt.timedelta(seconds=5)},
        params={"words": Param("say hello", type="string")},
        tags=[tag],
    ) as dag:
        SparkJob(file="jobs/probe.py", args=["{{ params.words }}"], do_xcom_push=False, task_id=task_id)
    return dag


plain, odd = probe("probe", "probe", "plain"), probe(ODD, "1st." * 49 + "Task", "odd")
