"""What a job is given: the size that the configuration declares for its stage."""

from __future__ import annotations

from collections.abc import Sequence

from headrace import commands
from headrace.config import Config, Container, Size
from headrace.errors import ConfigError
from headrace.yamlfile import nearest

AUTO = "auto"
DEFAULT = "default"
UNITS = {"m": 2**20, "g": 2**30}


def size_of(config: Config, file: str, arguments: Sequence[str], wanted: str = AUTO) -> Size:
    """The size called ``wanted``; ``auto`` means that of the file's stage, or ``default`` where it is no stage.

    An application of several stages gets the largest of each thing that one of them is given.

    Raises:
        ConfigError: no size is called so, or no stage is named.
    """
    if wanted != AUTO:
        return _declared(config, wanted)
    stage = file.rpartition("/")[2].removesuffix(".py")
    if stage == "run":
        stages = [each[0] for each in commands.split(arguments) if each]
        if not stages:
            raise ConfigError("run.py is given no stage", "Name one: run.py land --days 2013-12-01 --then build ...")
        return largest([_of_stage(config, each) for each in stages])
    return _of_stage(config, stage)


def largest(sizes: Sequence[Size]) -> Size:
    """A size that is enough for all."""
    return Size(
        reason="; ".join(dict.fromkeys(size.reason for size in sizes)),
        driver=_largest([size.driver for size in sizes]),
        executor=_largest([size.executor for size in sizes if size.executors] or [sizes[0].executor]),
        executors=max(size.executors for size in sizes),
    )


def bytes_of(memory: str) -> int:
    """``512m`` and ``2g``, as Spark and the configuration write them."""
    return int(memory[:-1]) * UNITS[memory[-1]]


def cpus_of(request: str) -> float:
    """``500m`` and ``1.5``, as Kubernetes writes them."""
    return int(request[:-1]) / 1000 if request.endswith("m") else float(request)


def _of_stage(config: Config, stage: str) -> Size:
    return config.sizes[stage] if stage in config.sizes else _declared(config, DEFAULT)


def _declared(config: Config, name: str) -> Size:
    if name not in config.sizes:
        raise ConfigError(
            f"no size is called {name!r} in conf/{config.environment}.yaml",
            f"{nearest(name, config.sizes)} Declare it below `sizes`".strip(),
        )
    return config.sizes[name]


def _largest(containers: Sequence[Container]) -> Container:
    return Container(
        cores=max(c.cores for c in containers),
        cpu_request=max((c.cpu_request for c in containers), key=cpus_of),
        memory=max((c.memory for c in containers), key=bytes_of),
        overhead=max((c.overhead for c in containers), key=bytes_of),
    )
