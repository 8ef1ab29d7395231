"""One task that does what its run says, for tests."""

import datetime as dt

from airflow.sdk import Param, dag
from headrace.orchestration import SparkJob, policy


@dag(
    schedule=None,
    start_date=dt.datetime(2013, 1, 1),
    max_active_runs=4,
    default_args=policy("tests", retries=1) | {"retry_delay": dt.timedelta(seconds=5)},
    params={"words": Param("say hello", type="string"), "file": Param("jobs/probe.py", type="string")},
)
def probe() -> None:
    SparkJob(file="jobs/probe.py", args=["{{ params.words }}"], do_xcom_push=False)


probe()
