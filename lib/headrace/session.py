"""The only place that makes a SparkSession, and the settings that each one runs with."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.config import Config, home
from headrace.errors import ConfigError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # A Delta log of a few hundred commits is replayed in 50 tasks by default: most of a small job's time.
    "spark.databricks.delta.snapshotPartitions": "2",
    # The log holds the publish ids; it must not forget them after 30 days.
    "spark.databricks.delta.properties.defaults.logRetentionDuration": "interval 3650 days",
}


def settings(config: Config) -> dict[str, str]:
    """What a driver is started with, whether by spark-submit or from Python."""
    spark = config.spark
    return {
        **_DELTA,
        "spark.master": spark.master,
        "spark.driver.memory": spark.driver_memory,
        "spark.driver.extraClassPath": f"{jars()}/*",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={log4j().as_uri()} -Duser.timezone=UTC",
        "spark.sql.shuffle.partitions": str(spark.shuffle_partitions),
        "spark.default.parallelism": str(spark.shuffle_partitions),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
        "spark.ui.showConsoleProgress": "false",
        **spark.conf,
    }


def jars() -> Path:
    """The folder of Spark's extra jars: HEADRACE_JARS, or build/jars of the checkout."""
    folder = Path(os.environ.get("HEADRACE_JARS") or home() / "build" / "jars").absolute()
    if not any(folder.glob("delta-spark*.jar")):
        raise ConfigError(f"no Delta jars in {folder}", "Run `make setup`, or set HEADRACE_JARS to their folder")
    return folder


def log4j() -> Path:
    return Path(__file__).with_name("log4j2.properties")


def spark_session(config: Config, name: str) -> SparkSession:
    """The process's SparkSession; made here unless spark-submit or an earlier call started it."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(name)
    for key, value in settings(config).items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session
