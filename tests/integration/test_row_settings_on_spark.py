"""The defaults that ids assume are Spark's own."""

from __future__ import annotations

import pytest
from headrace.backends.row_settings import ROW_SETTINGS
from pyspark.sql import SparkSession

INHERITED = {"spark.sql.execution.arrow.pyspark.enabled"}  # its default is another setting's value


@pytest.mark.parametrize("key", sorted(set(ROW_SETTINGS) - INHERITED))
def test_a_listed_setting_exists_in_spark_and_has_the_listed_default(spark: SparkSession, key: str) -> None:
    known = getattr(getattr(spark._jvm.org.apache.spark.sql.internal, "SQLConf$"), "MODULE$")  # type: ignore[union-attr]
    assert known.containsConfigKey(key)
    assert known.getConfigEntry(key).defaultValueString() == ROW_SETTINGS[key]
