"""Maintenance: fewer files with the same rows and publications; what was left is swept, what a model pins is not."""

from __future__ import annotations

import os
import time
from pathlib import Path

import lakes
import pytest
from headrace.lake.maintenance import vacuum
from headrace.lake.publications import path_of
from headrace.registry.versions import register
from headrace.stages.job import Job
from headrace.stages.maintain import LEFT_AFTER_HOURS, maintain
from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow
TABLE, MODEL = "flights.outcomes", "flights.late15"


def files(job: Job) -> list[Path]:
    return list(path_of(job.config.tables, TABLE).rglob("*.parquet"))


def aged(path: Path) -> Path:
    """The path, as if nobody had touched it for longer than anything takes."""
    path.mkdir(parents=True)
    before = time.time() - (LEFT_AFTER_HOURS + 1) * 3600
    os.utime(path, (before, before))
    return path


def test_maintaining_a_table_changes_neither_rows_nor_publications(
    built: Job, spark: SparkSession, tmp_path: Path
) -> None:
    job = lakes.copy_of(built, tmp_path)
    rows, ids = lakes.rows_of(job, TABLE), lakes.ids_of(job, TABLE)
    table, few = str(path_of(job.config.tables, TABLE)), "flight_date <= '2013-01-03'"
    scattered = spark.read.format("delta").load(table).where(few).repartition(3, "carrier")  # three files a day
    scattered.write.format("delta").mode("overwrite").option("replaceWhere", few).save(table)
    before = len(files(job))
    maintain(job, [TABLE])
    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    try:
        vacuum(spark, path_of(job.config.tables, TABLE), hours=0)
    finally:
        spark.conf.unset("spark.databricks.delta.retentionDurationCheck.enabled")
    assert len(files(job)) == len(lakes.DAYS) < before
    assert lakes.rows_of(job, TABLE) == rows
    assert lakes.ids_of(job, TABLE) == ids


def test_work_that_no_version_came_of_is_swept_and_what_a_version_pins_or_is_new_stays(
    landed: Job, spark: SparkSession, tmp_path: Path
) -> None:
    job = lakes.copy_of(landed, tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "encoder.json").write_text("{}")
    register(job.config.models, MODEL, tmp_path / "model", {"training_id": "kept"})
    kept, old = (aged(job.config.work / "training" / name) for name in ("kept", "old"))
    crashed = aged(job.config.models / MODEL / "versions" / ".0002-crashed")
    new = job.config.work / "training" / "new"
    new.mkdir()
    maintain(job, [TABLE])
    assert [path.exists() for path in (kept, new, old, crashed)] == [True, True, False, False]
