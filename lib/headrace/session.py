"""The only place that makes a SparkSession."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headrace.backends import backend_of
from headrace.config import Config
from headrace.storage import S3Path, write

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def spark_session(config: Config, name: str) -> SparkSession:
    """The process's SparkSession. It is made here, unless spark-submit or an earlier call started it."""
    from pyspark.sql import SparkSession

    settings = backend_of(config).spark_settings()
    _make_event_log_folder({**_submitted_settings(), **settings})
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(name)
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    _end_if_a_thread_has_no_memory(session)
    return session


def _end_if_a_thread_has_no_memory(session: SparkSession) -> None:
    """End the driver's JVM with Spark's code 52 if one of its threads dies because the heap is full.

    Otherwise whoever waits for that thread waits for ever. Java's own ``-XX:+ExitOnOutOfMemoryError`` would also end
    jobs that go on: Spark catches the error, spills to the disk, and tries again.
    """
    jvm: Any = session.sparkContext._jvm
    handler = jvm.org.apache.spark.util.SparkUncaughtExceptionHandler(False)
    jvm.java.lang.Thread.setDefaultUncaughtExceptionHandler(handler)


def _submitted_settings() -> dict[str, str]:
    """The settings of spark-submit, if it started this process."""
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return {}
    from pyspark import SparkConf, SparkContext

    SparkContext._ensure_initialized()
    return dict(SparkConf().getAll())


def _make_event_log_folder(conf: Mapping[str, str]) -> None:
    """Make the folder of event logs in S3, as an object of its name. Spark does not start without it."""
    uri = conf.get("spark.eventLog.dir", "")
    if conf.get("spark.eventLog.enabled") == "true" and uri.startswith("s3a://"):
        folder = S3Path.parse(uri.replace("s3a://", "s3://", 1))
        write(S3Path(folder.bucket, f"{folder.key}/"), b"")
