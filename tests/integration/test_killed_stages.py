"""A stage that is killed anywhere: after ``--catch-up`` the lake is as if nothing had happened."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from headrace.commands import Build, Land, Maintain
from headrace.stages.context import StageContext
from headrace.stages.runner import run_stage
from pyspark.sql import SparkSession

from tests.support import lakes, points, rush_lake
from tests.support.killed import StageProcess, killed_at, killed_when
from tests.support.rush_lake import ALL, FEATURES, VISITS
from tests.support.same_lake import assert_same

pytestmark = [pytest.mark.slow, pytest.mark.fault]
LAND, BUILD = Land(days=str(ALL)), Build(table=FEATURES, days=str(ALL), catch_up=True)
IN_CI = {"before the landing is recorded", "after the quarantine is written", "between compaction and clean-up"}
SEED = os.environ.get("HEADRACE_FAULT_SEED") or str(random.randrange(10**6))
RANDOM_KILLS = 50


def of(table: dict[str, points.Point]) -> Sequence[object]:
    """The points of a table; `make test` takes one of each, and `make faults` all."""
    return [pytest.param(name, marks=() if name in IN_CI else pytest.mark.long) for name in table]


@pytest.mark.parametrize("point", of(points.LANDING))
def test_a_landing_that_is_killed_is_completed_by_the_next_one(
    behind: StageContext, clean: StageContext, tmp_path: Path, point: str
) -> None:
    context = lakes.copy_of(behind, tmp_path)
    killed_at(context, point, LAND)
    rush_lake.recover(context)
    assert_same(context, clean)


@pytest.mark.parametrize("point", of(points.BUILDING))
def test_a_build_that_is_killed_is_completed_by_the_next_one(
    behind: StageContext, clean: StageContext, tmp_path: Path, point: str
) -> None:
    context = lakes.copy_of(behind, tmp_path)
    lakes.land(context, ALL)
    killed_at(context, point, BUILD)
    rush_lake.recover(context)
    assert_same(context, clean)


@pytest.mark.long
def test_a_build_that_is_killed_between_its_files_and_its_commit_leaves_the_old_rows(
    behind: StageContext, clean: StageContext, tmp_path: Path
) -> None:
    context = lakes.copy_of(behind, tmp_path)
    lakes.land(context, ALL)
    files, ids = data_files(context), lakes.ids_of(context, VISITS)
    killed_when(context, lambda: data_files(context) != files, BUILD)
    assert lakes.ids_of(context, VISITS) == ids
    rush_lake.recover(context)
    assert_same(context, clean)


@pytest.mark.parametrize("point", of(points.MAINTAINING))
def test_maintenance_that_is_killed_is_completed_by_the_next_one(
    caught_up: StageContext, clean: StageContext, spark: SparkSession, tmp_path: Path, point: str
) -> None:
    context = lakes.copy_of(caught_up, tmp_path)
    leftovers = neglect(context, spark)
    command = Maintain(tables=(VISITS,))
    killed_at(context, point, command)
    rush_lake.recover(context)
    assert_same(context, clean)

    run_stage(lakes.again(context), command)
    assert_same(context, clean)
    assert [path for path in leftovers if path.exists()] == []
    assert len(context.lake.table(VISITS).delta().file_uris()) == len(ALL)


@pytest.fixture(scope="module")
def line_seconds(behind: StageContext, tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long the whole line takes in a process of its own, once Spark runs."""
    process = line(lakes.copy_of(behind, tmp_path_factory.mktemp("line")))
    process.wait_until_ready()
    clock = time.monotonic()
    assert process.end().code == 0
    return time.monotonic() - clock


@pytest.mark.long
@pytest.mark.parametrize("seed", [f"{SEED}-{number}" for number in range(RANDOM_KILLS)])
def test_a_line_that_is_killed_at_a_random_moment_is_completed_by_the_next_one(
    behind: StageContext, clean: StageContext, line_seconds: float, tmp_path: Path, seed: str
) -> None:
    """HEADRACE_FAULT_SEED repeats the moments: it is the first part of the seed in the test's name."""
    context = lakes.copy_of(behind, tmp_path)
    process = line(context)
    process.wait_until_ready()
    time.sleep(random.Random(seed).uniform(0, line_seconds))
    if process.is_running():
        process.kill()
    rush_lake.recover(context)
    assert_same(context, clean)


def line(context: StageContext) -> StageProcess:
    return StageProcess(context, LAND, BUILD, Maintain())


def data_files(context: StageContext) -> set[str]:
    """The names of the data files of the first table that are complete."""
    return {path.name for path in lakes.on_disk(context.lake.table(VISITS).path).glob("day=*/*.parquet")}


def neglect(context: StageContext, spark: SparkSession) -> list[Path]:
    """Scatter a table over more files, and leave what killed writers leave; returns these leftovers."""
    table = lakes.on_disk(context.lake.table(VISITS).path)
    scattered = spark.read.format("delta").load(str(table)).repartition(3, "station")
    scattered.write.format("delta").mode("overwrite").option("dataChange", "false").save(str(table))
    leftovers = [
        table / f"day={rush_lake.NEW}" / "part-of-a-killed-writer.parquet",
        lakes.on_disk(context.layout.raw) / "entries" / ".killed.partial",
        lakes.on_disk(context.layout.trainings) / "killed" / "shard",
    ]
    for path in leftovers:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    days = context.config.retention.leftovers
    assert days is not None
    before = time.time() - (days + 1) * 86400
    for path in (*leftovers, leftovers[-1].parent):
        os.utime(path, (before, before))
    return leftovers
