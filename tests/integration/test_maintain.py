"""Maintenance merges files without changing rows. What it removes is in ``tests/unit/test_retention.py``."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.commands import Maintain
from headrace.stages.context import StageContext
from headrace.stages.runner import run_stage
from pyspark.sql import SparkSession

from tests.support import lakes

pytestmark = pytest.mark.slow
TABLE = "flights.outcomes"


def files(context: StageContext) -> list[Path]:
    return list(context.lake.table(TABLE).path.rglob("*.parquet"))


def test_maintaining_a_table_changes_neither_rows_nor_publications(
    built: StageContext, spark: SparkSession, tmp_path: Path
) -> None:
    context = lakes.copy_of(built, tmp_path)
    rows, ids = lakes.rows_of(context, TABLE), lakes.ids_of(context, TABLE)
    table, few = str(context.lake.table(TABLE).path), "flight_date <= '2013-01-03'"
    scattered = spark.read.format("delta").load(table).where(few).repartition(3, "carrier")  # three files a day
    rearranged = scattered.write.format("delta").mode("overwrite").option("dataChange", "false")
    rearranged.option("replaceWhere", few).save(table)
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
