"""The size of a job on a cluster: the one that the configuration declares for its stage."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.commands import Job
from headrace.commands.job import AUTO
from headrace.config import Config, PodResources, Size
from headrace.errors import ConfigError
from headrace.hints import nearest

DEFAULT = "default"
UNITS = {"m": 2**20, "g": 2**30}


def size_of(config: Config, job: Job) -> Size:
    """The size that a job names. ``auto`` means the size called like its stage or file, or else ``default``.

    An application of several stages gets the largest of each resource that one of its stages has.

    Raises:
        ConfigError: the configuration does not declare the size.
    """
    if job.size != AUTO:
        return _declared(config, job.size)
    names = job.stages or (job.name,)
    return largest([_declared(config, name if name in config.sizes else DEFAULT) for name in names])


def largest(sizes: Sequence[Size]) -> Size:
    """A size that is enough for all."""
    return Size(
        reason="; ".join(dict.fromkeys(size.reason for size in sizes)),
        driver=_largest([size.driver for size in sizes]),
        executor=_largest([size.executor for size in sizes if size.executors] or [sizes[0].executor]),
        executors=max(size.executors for size in sizes),
    )


def bytes_of(memory: str) -> int:
    """The bytes of ``512m`` or ``2g``, as Spark writes memory."""
    return int(memory[:-1]) * UNITS[memory[-1]]


def cpus_of(request: str) -> float:
    """The CPUs of ``500m`` or ``1.5``, as Kubernetes writes them."""
    return int(request[:-1]) / 1000 if request.endswith("m") else float(request)


def _declared(config: Config, name: str) -> Size:
    if name not in config.sizes:
        raise ConfigError(
            f"no size is called {name!r} in conf/{config.environment}.yaml",
            f"{nearest(name, config.sizes)} Declare it below `sizes`".strip(),
        )
    return config.sizes[name]


def _largest(pods: Sequence[PodResources]) -> PodResources:
    return PodResources(
        cores=max(pod.cores for pod in pods),
        cpu_request=max((pod.cpu_request for pod in pods), key=cpus_of),
        memory=max((pod.memory for pod in pods), key=bytes_of),
        overhead=max((pod.overhead for pod in pods), key=bytes_of),
    )
