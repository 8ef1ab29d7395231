"""A job as the spark-submit command that runs it on this machine."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from headrace.config import Config, home
from headrace.errors import ConfigError
from headrace.session import of_this_machine, settings
from headrace.storage import Place

# What configures Airflow holds its secrets, and is no business of a job's.
NOT_FOR_JOBS = ("AIRFLOW_", "_AIRFLOW_", "__AIRFLOW")


def where(env: str, conf: Path | None, root: Place | str) -> list[str]:
    """The arguments that tell a job of the environment that this command was told of."""
    told = {"--env": env, "--conf": conf, "--root": root}
    return [part for flag, value in told.items() if value for part in (flag, str(value))]


def command(config: Config, file: str, arguments: Sequence[str]) -> list[str]:
    """The command, to be run in the project's root folder; all that Spark needs is in it, and no secret.

    Args:
        file: of PySpark, seen from the project's root folder, such as ``jobs/land.py``.

    Raises:
        ConfigError: there is no such file, or the jobs' Python has no Spark.
    """
    if not (home() / file).is_file():
        raise ConfigError(f"{file} does not exist in {home()}", "Run this in the project's root folder")
    submit = python(config).with_name("spark-submit")
    if not submit.exists():
        raise ConfigError(f"there is no {submit}", "Run `make setup`, or set spark.python to a Python with pyspark")
    conf = {**of_this_machine(config), **settings(config)}
    flags = ["--master", conf.pop("spark.master"), "--driver-memory", conf.pop("spark.driver.memory")]
    flags += ["--driver-class-path", conf.pop("spark.driver.extraClassPath")]
    flags += ["--driver-java-options", conf.pop("spark.driver.extraJavaOptions")]
    for key, value in sorted(conf.items()):
        flags += ["--conf", f"{key}={value}"]
    return [str(submit), "--name", f"headrace {Path(file).stem}", *flags, file, *arguments]


def python(config: Config) -> Path:
    """The interpreter of jobs. Not resolved: a virtual environment's is a link to another's."""
    own = config.spark.python
    return (home() / own).absolute() if own else Path(sys.executable)


def environment(config: Config) -> dict[str, str]:
    """A job's environment: this one, and what ``own_environment`` says."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_FOR_JOBS)}
    return {**inherited, **own_environment(config)}


def own_environment(config: Config) -> dict[str, str]:
    """What a job needs beside its command: the environment, the interpreter for Spark's Python, quiet libraries."""
    interpreter = str(python(config))
    own = {"PYSPARK_PYTHON": interpreter, "PYSPARK_DRIVER_PYTHON": interpreter, "PYTHONUNBUFFERED": "1"}
    named = {"HEADRACE_ENV": config.environment}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "0")}
    # On one machine nobody else has to reach the driver, nor its UI.
    alone = {"SPARK_LOCAL_IP": "127.0.0.1"} if config.spark.master.startswith("local") else {}
    return {**named, **own, **quiet, **alone}


def typed(config: Config, line: Sequence[str]) -> str:
    """The command as a person can paste it into a shell, wherever that stands."""
    variables = [f"{name}={shlex.quote(value)}" for name, value in own_environment(config).items()]
    return " ".join(["cd", shlex.quote(str(home().absolute())), "&&", *variables, shlex.join(line)])


def run(config: Config, file: str, arguments: Sequence[str], *, print_only: bool = False) -> int:
    """Run the job here and return its exit code, or only print the command."""
    line = command(config, file, arguments)
    if print_only:
        print(typed(config, line))
        return 0
    code = subprocess.run(line, env=environment(config), cwd=home(), check=False).returncode
    return code if code >= 0 else 128 - code  # as a shell has it: 137 for SIGKILL
