"""A job as the spark-submit command that runs it on this machine."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from headrace import variables
from headrace.backends.spark_settings import class_archive, common_settings, jars, java_options, log4j
from headrace.commands import Job
from headrace.config import Config, home
from headrace.errors import ConfigError

# These variables configure Airflow and hold its secrets; jobs must not get them.
NOT_FOR_JOBS = ("AIRFLOW_", "_AIRFLOW_", "__AIRFLOW")


def spark_submit(config: Config, job: Job) -> list[str]:
    """The command, to be run in the project's root folder. It holds everything that Spark needs, and no secret.

    Raises:
        ConfigError: the job's file does not exist, or the Python of jobs has no Spark.
    """
    if not (home() / job.file).is_file():
        raise ConfigError(f"{job.file} does not exist in {home()}", "Run this in the project's root folder")
    program = python(config).with_name("spark-submit")
    if not program.exists():
        raise ConfigError(f"{program} does not exist", "Run `make setup`, or set spark.python to a Python with pyspark")
    conf = {**driver_settings(config), **common_settings(config)}
    flags = ["--master", conf.pop("spark.master"), "--driver-memory", conf.pop("spark.driver.memory")]
    flags += ["--driver-class-path", conf.pop("spark.driver.extraClassPath")]
    flags += ["--driver-java-options", conf.pop("spark.driver.extraJavaOptions")]
    for key, value in sorted(conf.items()):
        flags += ["--conf", f"{key}={value}"]
    return [str(program), "--name", f"headrace {job.name}", *flags, job.file, *job.arguments]


def driver_settings(config: Config) -> dict[str, str]:
    """How a driver is started on this machine. On a cluster the job's manifest says this."""
    return {
        "spark.master": config.spark.master,
        "spark.driver.memory": config.spark.driver_memory,
        "spark.driver.extraClassPath": f"{jars()}/*",
        "spark.driver.extraJavaOptions": f"{java_options(log4j())}{_archived_classes()}",
    }


def _archived_classes() -> str:
    """The option to map archived classes. A JVM that another JDK or other jars have made them for loads its classes."""
    archive = class_archive()
    if not archive.is_file() or not archive.stat().st_size:
        return ""
    return f" -XX:SharedArchiveFile={shlex.quote(str(archive))} -Xlog:cds*=off"


def python(config: Config) -> Path:
    """The Python of jobs. The path is not resolved, because a virtual environment's Python is a link."""
    configured = config.spark.python
    return (home() / configured).absolute() if configured else Path(sys.executable)


def environment(config: Config) -> dict[str, str]:
    """A job's environment variables: those of this process without Airflow's, and ``job_variables``."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_FOR_JOBS)}
    return {**inherited, **job_variables(config)}


def job_variables(config: Config) -> dict[str, str]:
    """The variables that a job needs: its environment, the interpreter for Spark's Python, quiet libraries."""
    interpreter = str(python(config))
    python_variables = {"PYSPARK_PYTHON": interpreter, "PYSPARK_DRIVER_PYTHON": interpreter, "PYTHONUNBUFFERED": "1"}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "0")}
    # On one machine nobody else has to reach the driver or its UI.
    loopback = {"SPARK_LOCAL_IP": "127.0.0.1"} if config.spark.master.startswith("local") else {}
    return {variables.ENVIRONMENT: config.environment, **python_variables, **quiet, **loopback}


def typed(config: Config, line: Sequence[str]) -> str:
    """The command as a person can paste it into a shell in any folder."""
    settings = [f"{name}={shlex.quote(value)}" for name, value in job_variables(config).items()]
    return " ".join(["cd", shlex.quote(str(home().absolute())), "&&", *settings, shlex.join(line)])
