"""The archive of classes that `make setup` writes beside the jars."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.backends.spark_settings import class_archive

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_a_driver_maps_the_archived_classes(spark: SparkSession) -> None:
    jvm: Any = spark.sparkContext._jvm
    pid = jvm.java.lang.ProcessHandle.current().pid()

    assert str(class_archive()) in Path(f"/proc/{pid}/maps").read_text()
