"""Backfills that run backwards, and weeks that are complete while the training of an earlier week still runs."""

from __future__ import annotations

import shlex

import pytest

from tests.support.airflow_ground import Ground
from tests.support.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
BACKWARDS = ("2013-02-20", "2013-02-19")  # the days before them are not built
MONDAYS = ["2013-02-11", "2013-02-18", "2013-02-25"]
WEEKLY = """\
import time

import pendulum
from airflow.sdk import dag, task
from headrace.orchestration import daily, weekly
from headrace.orchestration.assets import asset

BEGIN = {"start_date": pendulum.datetime(2013, 2, 1, tz="UTC"), "catchup": False, "max_active_runs": 1}


@dag(schedule=daily(), **BEGIN)
def made_daily() -> None:
    @task(outlets=[asset("flights.made")])
    def make() -> None:
        pass

    make()


@dag(schedule=weekly("flights.made"), **BEGIN)
def trained_weekly() -> None:
    @task
    def train() -> None:
        time.sleep(100)

    train()


made_daily()
trained_weekly()
"""


def backfill(ground: Ground, dag: str, first: str, end: str, *options: str) -> None:
    words = ["airflow", "backfill", "create", "--dag-id", dag, "--from-date", first, "--to-date", end, *options]
    ground.airflow.typed(shlex.join([*words, "--max-active-runs", "1"]))


def test_a_backfill_that_runs_backwards_fails_each_day_at_once_and_says_what_to_do(built: Ground) -> None:
    backfill(built, "flights_daily", BACKWARDS[1], "2013-02-21", "--run-backwards")
    runs = built.airflow.backfilled("flights_daily")
    assert {run["partition_key"] for run in runs} == set(BACKWARDS)
    for run in runs:
        [task] = built.airflow.run("flights_daily", run["dag_run_id"]).values()
        assert (task["state"], task["try_number"]) == ("failed", 1)
        line = built.airflow.last_line("flights_daily", run["dag_run_id"], "day")
        assert line.startswith("MissingLookBackError: ")
        assert "create it with --max-active-runs 1 and without --run-backwards" in line


@pytest.mark.long
def test_each_week_is_trained_although_later_weeks_are_complete_while_the_first_trains(ground: Ground) -> None:
    (ground.dags / "weekly.py").write_text(WEEKLY)
    try:
        ground.airflow.typed("airflow dags reserialize")
        ground.airflow.unpause("made_daily", "trained_weekly")
        backfill(ground, "made_daily", MONDAYS[0], "2013-03-04")
        eventually("the three weeks are made", lambda: len(succeeded(ground, "made_daily")) == 21, within=400)
        assert succeeded(ground, "trained_weekly") in ([], MONDAYS[:1])  # the first still trains, or has just ended
        eventually("all are trained", lambda: succeeded(ground, "trained_weekly") == MONDAYS, within=500)
    finally:
        (ground.dags / "weekly.py").unlink()


def succeeded(ground: Ground, dag: str) -> list[str]:
    """The partitions of the runs that succeeded."""
    runs = ground.airflow.get(f"/dags/{dag}/dagRuns?limit=100")["dag_runs"]
    return sorted(run["partition_key"] for run in runs if run["state"] == "success")
