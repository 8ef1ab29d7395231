"""Maintenance merges files without changing rows, and removes leftovers but nothing that a model pins."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from headrace.commands import Maintain
from headrace.registry.versions import register
from headrace.stages.context import StageContext
from headrace.stages.maintain import LEFTOVER_HOURS
from headrace.stages.runner import run_stage
from pyspark.sql import SparkSession

from tests.support import lakes

pytestmark = pytest.mark.slow
TABLE, MODEL = "flights.outcomes", "flights.late15"


def files(context: StageContext) -> list[Path]:
    return list(context.lake.table(TABLE).path.rglob("*.parquet"))


def aged(path: Path) -> Path:
    """Make a folder that looks as if nobody had written to it for longer than a leftover's age."""
    path.mkdir(parents=True)
    before = time.time() - (LEFTOVER_HOURS + 1) * 3600
    os.utime(path, (before, before))
    return path


def test_maintaining_a_table_changes_neither_rows_nor_publications(
    built: StageContext, spark: SparkSession, tmp_path: Path
) -> None:
    context = lakes.copy_of(built, tmp_path)
    rows, ids = lakes.rows_of(context, TABLE), lakes.ids_of(context, TABLE)
    table, few = str(context.lake.table(TABLE).path), "flight_date <= '2013-01-03'"
    scattered = spark.read.format("delta").load(table).where(few).repartition(3, "carrier")  # three files a day
    scattered.write.format("delta").mode("overwrite").option("replaceWhere", few).save(table)
    before = len(files(context))
    run_stage(context, Maintain(tables=(TABLE,)))
    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    try:
        context.lake.table(TABLE).vacuum(spark, hours=0)
    finally:
        spark.conf.unset("spark.databricks.delta.retentionDurationCheck.enabled")
    assert len(files(context)) == len(lakes.DAYS) < before
    assert lakes.rows_of(context, TABLE) == rows
    assert lakes.ids_of(context, TABLE) == ids


def test_leftovers_are_removed_and_what_a_version_pins_or_is_new_stays(
    landed: StageContext, spark: SparkSession, tmp_path: Path
) -> None:
    context = lakes.copy_of(landed, tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "encoder.json").write_text("{}")
    register(context.layout.models, MODEL, tmp_path / "model", {"training_id": "kept"})
    kept, old = (aged(context.layout.trainings / name) for name in ("kept", "old"))
    crashed = aged(context.layout.models / MODEL / "versions" / ".0002-crashed")
    new = context.layout.trainings / "new"
    new.mkdir()
    run_stage(context, Maintain(tables=(TABLE,)))
    assert [path.exists() for path in (kept, new, old, crashed)] == [True, True, False, False]
