"""A build that is killed before or after its commit: nobody reads half of it, and the next build completes it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from headrace.days import DayRange
from headrace.stages.context import StageContext
from pyspark.sql import SparkSession

from tests.support import PROJECT, lake_jobs, lakes

pytestmark = [pytest.mark.slow, pytest.mark.fault]
TABLE = "flights.outcomes"
DAYS = lakes.days("01-05", "01-11")
STARTED_WITHIN = 300.0


@pytest.fixture(scope="module")
def corrected(built: StageContext, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """A week whose published outcomes are stale, because the feed was delivered again."""
    context = lakes.copy_of(built, tmp_path_factory.mktemp("corrected"))
    for on in DAYS:
        lakes.change(context, "actuals", on, lakes.of_first("arr_delay", "199"))
    lakes.land(context, DAYS, "actuals")
    return context


@pytest.fixture(scope="module")
def undisturbed(corrected: StageContext, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    context = lakes.copy_of(corrected, tmp_path_factory.mktemp("undisturbed"))
    lakes.build(context, TABLE, DAYS)
    return context


def kill_build(context: StageContext, when: Callable[[], bool]) -> None:
    """Start the build in its own process group, and kill the group as soon as ``when`` is true."""
    line = lake_jobs.spark_submit(context, "build", TABLE, "--days", str(DAYS))
    process = subprocess.Popen(
        line,
        env=lake_jobs.environment(context),
        cwd=PROJECT,
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


def data_files(context: StageContext) -> set[str]:
    table = context.lake.table(TABLE).path
    return {
        f"{d.name}/{f.name}" for d in table.glob("flight_date=*") for f in os.scandir(d) if f.name.endswith(".parquet")
    }


def commit(context: StageContext, number: int) -> Path:
    return context.lake.table(TABLE).path / "_delta_log" / f"{number:020}.json"


def assert_as_undisturbed(context: StageContext, undisturbed: StageContext) -> None:
    assert lakes.rows_of(context, TABLE) == lakes.rows_of(undisturbed, TABLE)
    assert lakes.ids_of(context, TABLE) == lakes.ids_of(undisturbed, TABLE)
    assert lakes.commits(context, TABLE) == {TABLE: 2}  # the first of all days, and one for the week


@pytest.mark.long
def test_a_build_killed_before_its_commit_leaves_the_old_rows_and_the_next_one_replaces_them(
    corrected: StageContext, undisturbed: StageContext, spark: SparkSession, tmp_path: Path
) -> None:
    context = lakes.copy_of(corrected, tmp_path)
    rows, ids, files = lakes.rows_of(context, TABLE), lakes.ids_of(context, TABLE), data_files(context)
    kill_build(context, lambda: data_files(context) != files)
    assert not commit(context, 1).exists()
    assert lakes.rows_of(context, TABLE) == rows
    assert lakes.ids_of(context, TABLE) == ids

    lakes.build(context, TABLE, DAYS)
    assert_as_undisturbed(context, undisturbed)


def test_a_build_killed_after_its_commit_is_done_and_the_next_one_commits_nothing(
    corrected: StageContext, undisturbed: StageContext, spark: SparkSession, tmp_path: Path
) -> None:
    context = lakes.copy_of(corrected, tmp_path)
    kill_build(context, commit(context, 1).exists)
    assert_as_undisturbed(context, undisturbed)
    done = lakes.build(context, TABLE, DAYS)
    assert done.builds[TABLE].built == ()
    assert_as_undisturbed(context, undisturbed)


def test_the_first_build_of_a_table_killed_before_its_commit_leaves_no_table(
    corrected: StageContext, undisturbed: StageContext, spark: SparkSession, tmp_path: Path
) -> None:
    """Delta creates the log's folder and the data files before it commits; without a commit there is no table."""
    context = lakes.copy_of(corrected, tmp_path)
    log = context.lake.table(TABLE).path / "_delta_log"
    shutil.rmtree(log)
    log.mkdir()
    assert lakes.ids_of(context, TABLE) == {}
    lakes.build(context, TABLE, DAYS)
    assert lakes.rows_of(context, TABLE) == lakes.rows_of(undisturbed, TABLE, DayRange(DAYS.first, DAYS.last))
    assert lakes.commits(context, TABLE) == {TABLE: 1}
