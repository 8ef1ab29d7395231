"""Days of the flights on a cluster where processes die and servers go away: the same rows as on a laptop."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from headrace.days import DayRange

from tests.support import breaking, cluster_lake
from tests.support.airflow_api import Airflow
from tests.support.breaking import EXECUTORS, MOMENTS, meanwhile, watching
from tests.support.cluster_lake import LAST, NEXT, UNTIL, assert_same_features, assert_same_scores
from tests.support.ground import Ground
from tests.support.s3_server import Server
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.k8s, pytest.mark.fault, pytest.mark.slow, pytest.mark.timeout(2400),
    pytest.mark.usefixtures("nothing_is_left"),
]  # fmt: skip
DAYS = map(str, DayRange.parse(f"{NEXT}..{UNTIL}"))


@pytest.fixture(scope="module")
def laptop(trained: Airflow, ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder of the local environment, with all these days, scored by the same champion."""
    root = tmp_path_factory.mktemp("laptop") / "root"
    cluster_lake.laptop(ground, root, f"{NEXT}..{UNTIL}")
    return root


@pytest.fixture
def day() -> str:
    """The next day: a day looks back on the days before it, so tests take them in order."""
    return next(DAYS)


def tries(airflow: Airflow, run: str) -> int:
    """The number of tries that a run's task took to succeed."""
    task = airflow.run("flights_daily", run, within=900)["day"]
    assert task["state"] == "success", airflow.log("flights_daily", run, "day", task["try_number"])[-20:]
    return int(task["try_number"])


def assert_same(ground: Ground, laptop: Path, day: str) -> None:
    assert_same_features(ground, laptop, day)
    assert_same_scores(ground, laptop, day)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_worker_killed_leaves_one_application_at_most_and_the_next_try_its_rows(
    ground: Ground, trained: Airflow, laptop: Path, day: str, moment: str
) -> None:
    with watching(ground) as drivers:
        run = trained.trigger("flights_daily", day=day)
        breaking.kill_a_worker(ground, trained, run, moment)
        assert tries(trained, run) == 2
    assert max(drivers) == 1
    assert_same(ground, laptop, day)


def test_a_triggerer_killed_while_the_job_runs_costs_nothing(
    ground: Ground, trained: Airflow, laptop: Path, day: str
) -> None:
    with watching(ground) as drivers:
        run = trained.trigger("flights_daily", day=day)
        eventually("an executor runs", lambda: breaking.running(ground, EXECUTORS), within=180)
        breaking.kill_triggerer(trained)
        assert tries(trained, run) == 1
    assert max(drivers) == 1
    assert_same(ground, laptop, day)


def test_an_executor_deleted_is_replaced(ground: Ground, trained: Airflow, laptop: Path, day: str) -> None:
    run = trained.trigger("flights_daily", day=day)
    breaking.delete_an_executor(ground, after=3)
    assert tries(trained, run) == 1
    assert_same(ground, laptop, day)


def is_silent(s3: Server) -> None:
    s3.process.send_signal(signal.SIGSTOP)
    time.sleep(30)
    s3.process.send_signal(signal.SIGCONT)


def is_gone(s3: Server) -> None:
    s3.stop()
    time.sleep(30)
    s3.start()


@pytest.mark.parametrize("away", [is_gone, is_silent])
def test_an_s3_that_is_away_for_half_a_minute_costs_no_try(
    ground: Ground, trained: Airflow, laptop: Path, day: str, away: Callable[[Server], None]
) -> None:
    run = trained.trigger("flights_daily", day=day)
    eventually("an executor runs", lambda: breaking.running(ground, EXECUTORS), within=180)
    away(ground.s3)
    assert tries(trained, run) == 1
    assert_same(ground, laptop, day)


def test_two_runs_of_one_day_follow_each_other_and_the_second_changes_nothing(
    ground: Ground, trained: Airflow, laptop: Path, day: str
) -> None:
    with watching(ground) as drivers:
        runs = [trained.trigger("flights_daily", day=day) for _ in range(2)]
        for run in runs:
            assert tries(trained, run) == 1
    assert max(drivers) == 1
    first, second = (trained.result("flights_daily", run, "day") for run in runs)
    assert [each.get("tables") for each in first] == [each.get("tables") for each in second]
    assert_same(ground, laptop, day)


def test_some_days_are_rebuilt_as_one_run_of_each_stage(ground: Ground, trained: Airflow, laptop: Path) -> None:
    days = [next(DAYS) for _ in range(4)]
    run = trained.trigger("flights_rebuild", days=f"{days[0]}..{days[-1]}")
    tasks = trained.run("flights_rebuild", run, within=900)
    assert {task["state"] for task in tasks.values()} == {"success"}, trained.log("flights_rebuild", run, "build")[-20:]
    for day in days:
        assert_same(ground, laptop, day)


def test_an_executor_deleted_while_it_trains_ends_the_training_within_a_minute(
    ground: Ground, trained: Airflow
) -> None:
    made = ground.manifest("lost rank", "jobs/train.py", "flights.late15", "--on", LAST, "--conf", "conf-long")
    deleted: list[float] = []

    def delete() -> None:
        eventually("two executors run", lambda: len(breaking.running(ground, EXECUTORS)) == 2, within=180)
        eventually("they train", lambda: "choose epoch" in ground.driver_log(made), within=180)
        deleted.append(time.monotonic())
        breaking.delete_pod(ground, breaking.running(ground, EXECUTORS)[0])

    with meanwhile(delete):
        ended, _ = ground.run(made)
    assert time.monotonic() - deleted[0] < 60
    assert ended.code == 75
    assert "was lost" in ended.reason


def test_fewer_executors_than_ranks_end_the_training_in_time(ground: Ground, trained: Airflow) -> None:
    made = ground.manifest("few", "jobs/train.py", "flights.late15", "--on", LAST, "--conf", "conf-hurried")
    made["spec"]["executor"]["instances"] = 1
    ended, _ = ground.run(made)
    assert ended.code == 75
    assert "not all of 2 ranks had started after 40 s" in ended.reason
