"""A week of daily runs is backfilled with the command in docs/airflow.md, and starts a training."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from headrace.days import DayRange

from tests.support import PROJECT
from tests.support.airflow_ground import BUILT, Ground
from tests.support.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(3600)]
WEEK = DayRange.parse("2013-02-11..2013-02-17")  # Monday to Sunday
TRAINED_ON = BUILT.split("..")[1]  # by the fixture; it is the Tuesday


def test_a_backfilled_week_runs_day_by_day_in_order_and_starts_the_training_of_the_week(built: Ground) -> None:
    [command] = re.findall(
        r"^tools/airflow backfill create .*$", (PROJECT / "docs" / "airflow.md").read_text(), re.MULTILINE
    )
    trained = lambda: built.airflow.get("/dags/flights_train/dagRuns")["dag_runs"]  # noqa: E731
    before = {run["dag_run_id"] for run in trained()}
    built.airflow.typed(command.replace("2013-12-02", str(WEEK.first)).replace("2013-12-09", "2013-02-18"))
    runs = built.airflow.backfilled("flights_daily")
    assert [run["partition_key"] for run in runs] == [str(day) for day in WEEK]
    for run in runs:
        assert built.airflow.run("flights_daily", run["dag_run_id"])["day"]["state"] == "success"
    spans = [(run["start_date"], run["end_date"]) for run in built.airflow.backfilled("flights_daily")]
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
    scored = built.airflow.typed(f".venv/bin/headrace show flights.late15_scores --days {WEEK}")
    assert re.search(rf"{TRAINED_ON}\.\.{WEEK.last}", scored)  # the day before it has no model yet

    new = eventually("a training", lambda: [r for r in trained() if r["dag_run_id"] not in before], within=120)
    [training] = new
    assert training["partition_key"] == str(WEEK.first)
    tasks = built.airflow.run("flights_train", training["dag_run_id"])
    assert tasks["train"]["state"] == "success"
    [result] = built.airflow.result("flights_train", training["dag_run_id"], "train")
    assert result["days"] == "2013-02-18"  # the day after the week
