"""What breaks first, looked at before it breaks: each line says what is wrong and what to type."""

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

from headrace import config as configuration
from headrace import declare
from headrace.config import Config
from headrace.declare.validate import validate
from headrace.errors import PERMANENT, HeadraceError
from headrace.registry import promotions
from headrace.session import jars
from headrace.storage import Place, S3Path

FREE_DISK = 5  # GiB
FREE_MEMORY = 6  # GiB


class Unwell(Exception):  # noqa: N818 - it never leaves this module
    """A finding: what is wrong and what to do."""


def examine(env: str, conf: Path | None, root: str) -> int:
    """Print a line for each thing looked at; returns the exit code: 0, or 65 where something is wrong."""
    console, found = Console(highlight=False), 0
    loaded: list[Config] = []

    def settings() -> str:
        loaded.append(configuration.load(env, conf, root))
        return f"{loaded[0].environment}, {loaded[0].backend} backend, everything below {loaded[0].root}"

    looks: dict[str, Callable[[], str]] = {
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
    for what, look in looks.items():
        try:
            console.print(f"[green]ok[/]    {what:<16} {escape(look())}", soft_wrap=True)
        except (Unwell, HeadraceError) as finding:
            found += 1
            console.print(f"[red]wrong[/] {what:<16} {escape(str(finding))}", soft_wrap=True)
    return PERMANENT if found else 0


def _known(loaded: list[Config]) -> Config:
    if not loaded:
        raise Unwell("not looked at, as the configuration is wrong")
    return loaded[0]


def java() -> str:
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else "java"
    try:
        said = subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        raise Unwell(f"{program} does not run. Install it: sudo apt-get install openjdk-17-jdk-headless") from None
    version = re.search(r'version "([^"]+)"', said)
    if version is None or not version[1].startswith("17."):
        raise Unwell(
            f"Spark is tested with Java 17, and {program} is {version[1] if version else said!r}. Set JAVA_HOME"
        )
    return version[1]


def packages() -> str:
    needed = ("pyspark", "delta", "deltalake", "tensorflow", "horovod", "mlflow", "great_expectations", "lightgbm")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise Unwell(f"{', '.join(missing)} not installed. Run: make setup")
    return ", ".join(needed)


def host_name() -> str:
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        raise Unwell(
            f"{name} does not resolve, and Horovod aborts. Run: echo '127.0.0.1 {name}' | sudo tee -a /etc/hosts"
        ) from None
    return f"{name} is {address}"


def room(root: Place) -> str:
    return bucket(root) if isinstance(root, S3Path) else disk(root)


def bucket(root: S3Path) -> str:
    """Whether S3 lets us list the bucket; what it answers otherwise is the finding."""
    began = time.monotonic()
    root.is_dir()
    return f"{root.bucket} answers in {(time.monotonic() - began) * 1000:.0f} ms"


def disk(root: Path) -> str:
    there = next(p for p in (root.absolute(), *root.absolute().parents) if p.exists())
    free = shutil.disk_usage(there).free / 2**30
    if free < FREE_DISK:
        raise Unwell(f"{free:.1f} GiB are free at {there}, and the demo wants {FREE_DISK}")
    return f"{free:.0f} GiB free at {there}"


def memory() -> str:
    free = psutil.virtual_memory().available / 2**30
    if free < FREE_MEMORY:
        raise Unwell(
            f"{free:.1f} GiB are available, and the demo wants {FREE_MEMORY}. Lower spark.driver_memory in conf/"
        )
    return f"{free:.0f} GiB available"


def registry(config: Config) -> str:
    """Read every model's promotions and check its champion's files against their digests."""
    from headrace.registry import manifest

    told = []
    for name in declare.load(config.use_case).models:
        champion = promotions.champion(config.models, name)
        if champion is not None:
            manifest.verify(champion.path)
        told.append(f"{name}: {'version ' + str(champion.number) if champion else 'no champion yet'}")
    return ", ".join(told)
