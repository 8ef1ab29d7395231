"""A job as the spark-submit command that runs it on this machine."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from headrace.config import Config
from headrace.errors import ConfigError
from headrace.session import settings

JOBS = Path("jobs")


def where(env: str, conf: Path | None, root: Path | None) -> list[str]:
    """The arguments that tell a job of the environment that this command was told of."""
    told = {"--env": env, "--conf": conf, "--root": root}
    return [part for flag, value in told.items() if value for part in (flag, str(value))]


def command(config: Config, name: str, arguments: Sequence[str]) -> list[str]:
    """The command; all that Spark needs is in it, and no secret."""
    script = JOBS / f"{name}.py"
    if not script.exists():
        raise ConfigError(f"{script} does not exist", "Run headrace in the project's root folder")
    submit = Path(sys.executable).with_name("spark-submit")
    conf = settings(config)
    flags = ["--master", conf.pop("spark.master"), "--driver-memory", conf.pop("spark.driver.memory")]
    flags += ["--driver-class-path", conf.pop("spark.driver.extraClassPath")]
    flags += ["--driver-java-options", conf.pop("spark.driver.extraJavaOptions")]
    for key, value in sorted(conf.items()):
        flags += ["--conf", f"{key}={value}"]
    return [str(submit), "--name", f"headrace {name}", *flags, str(script), *arguments]


def environment() -> dict[str, str]:
    """The job's environment: this one, with the interpreter that runs this for Spark's Python."""
    python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable, "PYTHONUNBUFFERED": "1"}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "0")}
    return {**os.environ, **quiet, **python}


def run(config: Config, name: str, arguments: Sequence[str], *, print_only: bool = False) -> int:
    """Run the job here and return its exit code, or only print the command."""
    line = command(config, name, arguments)
    if print_only:
        print(shlex.join(line))
        return 0
    return subprocess.run(line, env=environment(), check=False).returncode
