"""A build that is killed, before its commit and after it: nobody sees half of it, and building again makes it good."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import lakes
import pytest
from headrace.days import DayRange
from headrace.lake.publications import path_of
from headrace.stages.build import build_tables
from headrace.stages.job import Job
from headrace.stages.land import land_feeds
from pyspark.sql import SparkSession

pytestmark = [pytest.mark.slow, pytest.mark.fault]
TABLE = "flights.outcomes"
DAYS = lakes.days("01-05", "01-11")
STARTED_WITHIN = 300.0


@pytest.fixture(scope="module")
def corrected(built: Job, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A week whose outcomes are published, and stale since another delivery of them."""
    job = lakes.copy_of(built, tmp_path_factory.mktemp("corrected"))
    for on in DAYS:
        lakes.change(job, "actuals", on, lakes.of_first("arr_delay", "199"))
    land_feeds(job, DAYS, ["actuals"])
    return job


@pytest.fixture(scope="module")
def undisturbed(corrected: Job, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = lakes.copy_of(corrected, tmp_path_factory.mktemp("undisturbed"))
    build_tables(job, TABLE, DAYS)
    return job


def kill_build(job: Job, when: Callable[[], bool]) -> None:
    """Start the build as its own process group, and kill all of that at the first moment at which ``when`` holds."""
    line = lakes.command(job, "build", TABLE, "--days", str(DAYS))
    process = subprocess.Popen(
        line,
        env=lakes.submit.environment(job.config),
        cwd=lakes.PROJECT,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + STARTED_WITHIN
    try:
        while not when():
            assert process.poll() is None, "the build ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.001)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def data_files(job: Job) -> set[str]:
    table = path_of(job.config.tables, TABLE)
    return {
        f"{d.name}/{f.name}" for d in table.glob("flight_date=*") for f in os.scandir(d) if f.name.endswith(".parquet")
    }


def commit(job: Job, number: int) -> Path:
    return path_of(job.config.tables, TABLE) / "_delta_log" / f"{number:020}.json"


def assert_as_undisturbed(job: Job, undisturbed: Job) -> None:
    assert lakes.rows_of(job, TABLE) == lakes.rows_of(undisturbed, TABLE)
    assert lakes.ids_of(job, TABLE) == lakes.ids_of(undisturbed, TABLE)
    assert lakes.commits(job, TABLE) == {TABLE: 2}  # the first of all days, and one for the week


def test_a_build_killed_before_its_commit_leaves_the_old_rows_and_the_next_one_replaces_them(
    corrected: Job, undisturbed: Job, spark: SparkSession, tmp_path: Path
) -> None:
    job = lakes.copy_of(corrected, tmp_path)
    rows, ids, files = lakes.rows_of(job, TABLE), lakes.ids_of(job, TABLE), data_files(job)
    kill_build(job, lambda: data_files(job) != files)
    assert not commit(job, 1).exists()
    assert lakes.rows_of(job, TABLE) == rows
    assert lakes.ids_of(job, TABLE) == ids

    build_tables(job, TABLE, DAYS)
    assert_as_undisturbed(job, undisturbed)


def test_a_build_killed_after_its_commit_is_done_and_the_next_one_commits_nothing(
    corrected: Job, undisturbed: Job, spark: SparkSession, tmp_path: Path
) -> None:
    job = lakes.copy_of(corrected, tmp_path)
    kill_build(job, commit(job, 1).exists)
    assert_as_undisturbed(job, undisturbed)
    done = build_tables(job, TABLE, DAYS)
    assert done[TABLE]["built"] == []
    assert_as_undisturbed(job, undisturbed)


def test_the_first_build_of_a_table_killed_before_its_commit_leaves_no_table(
    corrected: Job, undisturbed: Job, spark: SparkSession, tmp_path: Path
) -> None:
    """Delta makes the log's folder and the data's files before it commits: they are no table yet."""
    job = lakes.copy_of(corrected, tmp_path)
    log = path_of(job.config.tables, TABLE) / "_delta_log"
    shutil.rmtree(log)
    log.mkdir()
    assert lakes.ids_of(job, TABLE) == {}
    build_tables(job, TABLE, DAYS)
    assert lakes.rows_of(job, TABLE) == lakes.rows_of(undisturbed, TABLE, DayRange(DAYS.first, DAYS.last))
    assert lakes.commits(job, TABLE) == {TABLE: 1}
