"""Run jobs on a small lake as their own processes, with another configuration or another model."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from headrace import variables
from headrace.backends.local import command
from headrace.commands import Job
from headrace.config import ConfigSource, merged
from headrace.stages.context import StageContext

from tests.support import PROJECT, lakes
from tests.support.local_config import TWO_RANKS


@dataclass(frozen=True)
class JobEnd:
    """How a job ended: its exit code, the last line on stderr, and the text that Kubernetes would show."""

    code: int
    reason: str
    termination_message: str


def configure(context: StageContext, **over: Any) -> Path:
    """Write the configuration for jobs on this lake, the local one with two ranks and ``over``; returns its folder."""
    conf = lakes.on_disk(context.config.root).parent / "conf"
    shutil.copytree(PROJECT / "conf", conf)
    local = yaml.safe_load((conf / "local.yaml").read_text())
    changes = merged({"inbox": str(context.config.inbox), "training": TWO_RANKS}, over)
    (conf / "local.yaml").write_text(yaml.safe_dump(local | changes))
    return conf


def declared_otherwise(folder: Path, **arguments: str) -> None:
    """Copy the use case to ``folder``, with other arguments of its model, each written as Python."""
    shutil.copytree(PROJECT / "lib" / "flights", folder / "flights")
    declared = folder / "flights" / "__init__.py"
    text = declared.read_text()
    for name, value in arguments.items():
        text, changed = re.subn(rf"    {name}=\w+\(.*\),\n", f"    {name}={value},\n", text)
        assert changed == 1, name
    declared.write_text(text)


def with_short_window(context: StageContext, folder: Path, train: int, validate: int, test: int) -> dict[str, str]:
    """The environment of a process whose model has a window of these numbers of days."""
    declared_otherwise(folder, window=f"Days({train=}, {validate=}, {test=})")
    return environment(context) | {"PYTHONPATH": os.pathsep.join([str(folder), str(PROJECT / "lib")])}


def environment(context: StageContext) -> dict[str, str]:
    """The environment of a process that runs a job on this lake."""
    return command.environment(context.config)


def spark_submit(context: StageContext, name: str, *arguments: str) -> list[str]:
    """The spark-submit command of a job on this lake; its configuration lies beside the lake."""
    conf = lakes.on_disk(context.config.root).parent / "conf"
    if not conf.exists():
        configure(context)
    source = ConfigSource(folder=conf, root=str(context.config.root))
    return command.spark_submit(context.config, Job(f"jobs/{name}.py", arguments).with_arguments(source.to_argv()))


def submitted(context: StageContext, name: str, *arguments: str) -> JobEnd:
    """Run a job to its end by spark-submit."""
    return _run(context, spark_submit(context, name, *arguments))


def ran(context: StageContext, name: str, *arguments: str) -> JobEnd:
    """Run a job to its end without spark-submit, which saves seconds where the job ends before it needs Spark."""
    line = spark_submit(context, name, *arguments)
    return _run(context, [sys.executable, *line[line.index(f"jobs/{name}.py") :]])


def _run(context: StageContext, line: list[str]) -> JobEnd:
    log = context.config.root.parent / "termination.log"
    settings = environment(context) | {variables.TERMINATION_LOG: str(log)}
    done = subprocess.run(line, env=settings, cwd=PROJECT, capture_output=True, text=True, check=False)
    return JobEnd(done.returncode, (done.stderr.splitlines() or [""])[-1], log.read_text() if log.exists() else "")
