"""The only place that makes a SparkSession, and the settings that each one runs with."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from headrace.config import Config, home
from headrace.errors import ConfigError
from headrace.storage import S3Path, on_s3, write
from headrace.storage.client import DEFAULT_REGION

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_AWS = "software.amazon.awssdk.auth.credentials"
_DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # A Delta log of a few hundred commits is replayed in 50 tasks by default: most of a small job's time.
    "spark.databricks.delta.snapshotPartitions": "2",
    # The log holds the publish ids; it must not forget them after 30 days.
    "spark.databricks.delta.properties.defaults.logRetentionDuration": "interval 3650 days",
}

# Hadoop starts a process to set the mode of each file that it makes: without checksum files beside them, half as many.
# S3A does not bear it: it collects on the disk what it sends.
_DISK = {
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    "spark.hadoop.fs.AbstractFileSystem.file.impl": "org.apache.hadoop.fs.local.RawLocalFs",
}
# Hadoop puts in the variables of the process that reads or writes, so that a job's manifest names no server of the
# machine that it was written on. Keys are found by AWS's own chain: variables, a web identity, the machine's role.
_S3 = {
    "spark.hadoop.fs.s3a.endpoint": "${env.AWS_ENDPOINT_URL_S3:-${env.AWS_ENDPOINT_URL:-}}",
    "spark.hadoop.fs.s3a.endpoint.region": f"${{env.AWS_REGION:-${{env.AWS_DEFAULT_REGION:-{DEFAULT_REGION}}}}}",
    "spark.hadoop.fs.s3a.path.style.access": "true",
    "spark.hadoop.fs.s3a.aws.credentials.provider": f"{_AWS}.DefaultCredentialsProvider",
}


def settings(config: Config) -> dict[str, str]:
    """What each driver runs with, wherever it runs: how it works, and how it finds S3."""
    spark = config.spark
    return {
        **_DELTA,
        **(_S3 if on_s3(config.root) else _DISK),
        # A pod's memory is its JVM's and its Python's: the ledger tells them apart.
        **({"spark.executor.processTreeMetrics.enabled": "true"} if config.backend == "kubernetes" else {}),
        "spark.sql.shuffle.partitions": str(spark.shuffle_partitions),
        "spark.default.parallelism": str(spark.shuffle_partitions),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
        "spark.ui.showConsoleProgress": "false",
        **spark.conf,
    }


def of_this_machine(config: Config) -> dict[str, str]:
    """What a driver on this machine is started with beside: on a cluster the job's manifest says it instead."""
    return {
        "spark.master": config.spark.master,
        "spark.driver.memory": config.spark.driver_memory,
        "spark.driver.extraClassPath": f"{jars()}/*",
        "spark.driver.extraJavaOptions": java_options(log4j()),
    }


def jars() -> Path:
    """The folder of Spark's extra jars: HEADRACE_JARS, or build/jars of the checkout."""
    folder = Path(os.environ.get("HEADRACE_JARS") or home() / "build" / "jars").absolute()
    if not any(folder.glob("delta-spark*.jar")):
        raise ConfigError(f"no Delta jars in {folder}", "Run `make setup`, or set HEADRACE_JARS to their folder")
    return folder


def log4j() -> Path:
    return Path(__file__).with_name("log4j2.properties")


def java_options(log4j_file: PurePath) -> str:
    """What every JVM of Spark is started with; ``log4j_file`` is its path where the JVM runs."""
    return f"-Dlog4j2.configurationFile={log4j_file.as_uri()} -Duser.timezone=UTC"


def spark_session(config: Config, name: str) -> SparkSession:
    """The process's SparkSession; made here unless spark-submit or an earlier call started it."""
    from pyspark.sql import SparkSession

    own = {} if config.backend == "kubernetes" else of_this_machine(config)
    wanted = {**own, **settings(config)}
    _make_event_log_folder({**_submitted(), **wanted})
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(name)
    for key, value in wanted.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def _submitted() -> dict[str, str]:
    """What spark-submit was told, where it started this process."""
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return {}
    from pyspark import SparkConf, SparkContext

    SparkContext._ensure_initialized()
    return dict(SparkConf().getAll())


def _make_event_log_folder(conf: Mapping[str, str]) -> None:
    """Make the folder of event logs in S3, by an object of its name: Spark starts only where there is one."""
    uri = conf.get("spark.eventLog.dir", "")
    if conf.get("spark.eventLog.enabled") == "true" and uri.startswith("s3a://"):
        folder = S3Path.parse(uri.replace("s3a://", "s3://", 1))
        write(S3Path(folder.bucket, f"{folder.key}/"), b"")
