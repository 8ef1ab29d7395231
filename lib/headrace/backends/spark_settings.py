"""The Spark settings that every driver runs with, on any backend, and the files that its JVM needs."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from headrace import variables
from headrace.config import Config, home
from headrace.errors import ConfigError
from headrace.storage import on_s3
from headrace.storage.client import DEFAULT_REGION

_AWS = "software.amazon.awssdk.auth.credentials"
_DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # Delta replays a log in 50 tasks by default, which takes most of a small job's time.
    "spark.databricks.delta.snapshotPartitions": "2",
    # For so long, the log tells what others did to a table, even if the index of its publications is lost.
    "spark.databricks.delta.properties.defaults.logRetentionDuration": "interval 365 days",
}

# Hadoop starts a process to set the mode of each file that it creates. Without checksum files there are half as many.
# S3A does not work with this setting: it collects on the disk what it sends.
_DISK = {
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    "spark.hadoop.fs.AbstractFileSystem.file.impl": "org.apache.hadoop.fs.local.RawLocalFs",
    # Delta's own store looks whether a version exists, and then renames a file to it. Two drivers may do so at once.
    "spark.delta.logStore.file.impl": "io.headrace.delta.DiskLogStore",
}
# Hadoop resolves these variables in the process that reads or writes, so a job's manifest names no server.
# AWS's own chain finds the keys: variables, a web identity, the machine's role.
_S3 = {
    "spark.hadoop.fs.s3a.endpoint": "${env.AWS_ENDPOINT_URL_S3:-${env.AWS_ENDPOINT_URL:-}}",
    "spark.hadoop.fs.s3a.endpoint.region": f"${{env.AWS_REGION:-${{env.AWS_DEFAULT_REGION:-{DEFAULT_REGION}}}}}",
    "spark.hadoop.fs.s3a.path.style.access": "true",
    "spark.hadoop.fs.s3a.aws.credentials.provider": f"{_AWS}.DefaultCredentialsProvider",
    # Delta's own store is for one driver only: of two that commit at once, one loses its commit without an error.
    "spark.delta.logStore.s3a.impl": "io.headrace.delta.S3LogStore",
    # S3A asks first whether a name is taken, and later makes markers for folders that became empty. Data files have
    # random names, S3 checks the names of commits itself, and nothing of ours needs an empty folder.
    "spark.hadoop.fs.s3a.performance.flags": "create,mkdir,delete",
    # Delta would write a summary of each version beside its commit, and rename it into place. In S3 these are 22
    # requests one after the other, more than all others of a commit. The log itself says the same.
    "spark.databricks.delta.writeChecksumFile.enabled": "false",
}


SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions"
PARTITIONS = 8  # of a shuffle, until a stage knows how many bytes it reads; Spark merges small ones


def common_settings(config: Config) -> dict[str, str]:
    """How each driver works, and how it finds S3."""
    spark = config.spark
    return {
        **_DELTA,
        **(_S3 if on_s3(config.root) else _DISK),
        SHUFFLE_PARTITIONS: str(PARTITIONS),
        **file_settings(config.build.file_mb),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
        "spark.ui.showConsoleProgress": "false",
        **spark.conf,
    }


def file_settings(megabytes: int) -> dict[str, str]:
    """What makes files of at most about so many MB: a task writes what it reads, and reads what was shuffled to it."""
    size = f"{megabytes}m"
    return {"spark.sql.adaptive.advisoryPartitionSizeInBytes": size, "spark.sql.files.maxPartitionBytes": size}


def jars() -> Path:
    """The folder of Spark's extra jars: HEADRACE_JARS, or build/jars of the project.

    Raises:
        ConfigError: it has no Delta jars, or lacks our own with Delta's log stores.
    """
    folder = Path(os.environ.get(variables.JARS) or home() / "build" / "jars").absolute()
    if not all(any(folder.glob(f"{name}*.jar")) for name in ("delta-spark", "headrace-log-store")):
        raise ConfigError(f"no Delta jars in {folder}", "Run `make setup`, or set HEADRACE_JARS to their folder")
    return folder


def class_archive() -> Path:
    """The classes of Spark and its jars as a JVM has loaded them. `make setup` writes it; empty if the JDK cannot."""
    return jars().with_name(f"{jars().name}.jsa")


def log4j() -> Path:
    """The log settings of Spark's JVMs."""
    return Path(__file__).parents[1] / "log4j2.properties"


def java_options(log4j_file: PurePath) -> str:
    """The options of every JVM of Spark; ``log4j_file`` is the path on the JVM's own machine."""
    return f"-Dlog4j2.configurationFile={log4j_file.as_uri()} -Duser.timezone=UTC"
