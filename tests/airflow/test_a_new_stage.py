"""A stage that a project adds is an Airflow task like any other."""

from __future__ import annotations

import shutil

import pytest

from tests.support import PROJECT
from tests.support.airflow_ground import Ground

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
DAG = """\
import pendulum
from airflow.sdk import dag
from counting import Count
from headrace.orchestration import days_param, policy, stage


@dag(schedule=None, start_date=pendulum.datetime(2013, 1, 1, tz="UTC"), default_args=policy("tests", retries=0),
     params={"days": days_param()})
def counted() -> None:
    stage(Count("schedule"))


counted()
"""


def test_a_new_stage_runs_as_a_task_on_the_run_s_day_and_hands_on_its_result(ground: Ground) -> None:
    shutil.copytree(PROJECT / "tests" / "support" / "counting", ground.project / "counting")
    (ground.project / "counting" / "job.py").rename(ground.project / "jobs" / "count.py")
    (ground.dags / "counted.py").write_text(DAG)
    try:
        ground.airflow.typed("airflow dags reserialize && airflow dags unpause counted --yes")
        run = ground.airflow.trigger("counted", days="2013-02-08")
        tasks = ground.airflow.run("counted", run)
        log = ground.airflow.log("counted", run, "count")
        assert tasks["count"]["state"] == "success", log[-10:]
        [result] = ground.airflow.result("counted", run, "count")
        assert (result["stage"], result["of"], result["days"]) == ("count", "schedule", "2013-02-08")
        assert result["rows"] > 100
    finally:
        (ground.dags / "counted.py").unlink()
