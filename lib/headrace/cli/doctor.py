"""Checks of what fails most often. Each line says what is wrong and what to type."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from rich.console import Console
from rich.markup import escape

from headrace import declare
from headrace.backends.spark_settings import jars
from headrace.config import Config, ConfigSource
from headrace.declare.validate import validate
from headrace.errors import PERMANENT, HeadraceError
from headrace.registry import promotions
from headrace.storage import Place, S3Path

FREE_DISK = 5  # GiB
FREE_MEMORY = 6  # GiB


class ProblemFound(Exception):  # noqa: N818 - it never leaves this module
    """What is wrong and what to do."""


def examine(source: ConfigSource) -> int:
    """Print a line for each check; returns the exit code: 0, or 65 if something is wrong."""
    console, found = Console(highlight=False), 0
    loaded: list[Config] = []

    def settings() -> str:
        loaded.append(source.load())
        return f"{loaded[0].environment}, {loaded[0].backend} backend, everything is below {loaded[0].root}"

    checks: dict[str, Callable[[], str]] = {
        "configuration": settings,
        "declarations": lambda: validate(declare.load(_known(loaded).use_case)),
        "Java": java,
        "Python packages": packages,
        "jars": lambda: str(jars()),
        "host name": host_name,
        "room": lambda: room(_known(loaded).root),
        "memory": memory,
        "registry": lambda: registry(_known(loaded)),
    }
    for what, check in checks.items():
        try:
            console.print(f"[green]ok[/]    {what:<16} {escape(check())}", soft_wrap=True)
        except (ProblemFound, HeadraceError) as finding:
            found += 1
            console.print(f"[red]wrong[/] {what:<16} {escape(str(finding))}", soft_wrap=True)
    return PERMANENT if found else 0


def _known(loaded: list[Config]) -> Config:
    if not loaded:
        raise ProblemFound("not checked, because the configuration is wrong")
    return loaded[0]


def java() -> str:
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else "java"
    try:
        said = subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        raise ProblemFound(
            f"{program} does not run. Install it: sudo apt-get install openjdk-17-jdk-headless"
        ) from None
    version = re.search(r'version "([^"]+)"', said)
    if version is None or not version[1].startswith("17."):
        raise ProblemFound(
            f"Spark is tested with Java 17, and {program} is {version[1] if version else said!r}. Set JAVA_HOME"
        )
    return version[1]


def packages() -> str:
    needed = ("pyspark", "delta", "deltalake", "tensorflow", "horovod", "mlflow", "great_expectations", "lightgbm")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ProblemFound(f"{', '.join(missing)} not installed. Run: make setup")
    return ", ".join(needed)


def host_name() -> str:
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        raise ProblemFound(
            f"{name} does not resolve, and Horovod aborts. Run: echo '127.0.0.1 {name}' | sudo tee -a /etc/hosts"
        ) from None
    return f"{name} is {address}"


def room(root: Place) -> str:
    return bucket(root) if isinstance(root, S3Path) else disk(root)


def bucket(root: S3Path) -> str:
    """Check that S3 lets us list the bucket."""
    began = time.monotonic()
    root.is_dir()
    return f"{root.bucket} answers in {(time.monotonic() - began) * 1000:.0f} ms"


def disk(root: Path) -> str:
    folder = next(p for p in (root.absolute(), *root.absolute().parents) if p.exists())
    free = shutil.disk_usage(folder).free / 2**30
    if free < FREE_DISK:
        raise ProblemFound(f"{free:.1f} GiB are free at {folder}, and the demo needs {FREE_DISK}")
    return f"{free:.0f} GiB free at {folder}"


def memory() -> str:
    free = psutil.virtual_memory().available / 2**30
    if free < FREE_MEMORY:
        raise ProblemFound(
            f"{free:.1f} GiB are available, and the demo needs {FREE_MEMORY}. Lower spark.driver_memory in conf/"
        )
    return f"{free:.0f} GiB available"


def registry(config: Config) -> str:
    """Read each model's promotions, and check its champion's files against their digests."""
    from headrace.registry import manifest

    found = []
    for name in declare.load(config.use_case).models:
        champion = promotions.champion(config.layout.models, name)
        if champion is not None:
            manifest.verify(champion.path)
        found.append(f"{name}: {'version ' + str(champion.number) if champion else 'no champion yet'}")
    return ", ".join(found)
