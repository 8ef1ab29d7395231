"""A job where the environment's backend runs jobs: on this machine, or on the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from headrace import submit
from headrace.cluster.sizes import AUTO
from headrace.config import Config
from headrace.errors import ConfigError


def submitted(
    config: Config,
    file: str,
    arguments: Sequence[str],
    where: Sequence[str],
    *,
    size: str = AUTO,
    print_only: bool = False,
) -> int:
    """Run a job and return its exit code, or only print what would be run.

    Args:
        where: the arguments that tell a job of the environment that this command was told of.

    Raises:
        ConfigError: a job on a cluster was to read a folder of this machine.
    """
    if config.backend != "kubernetes":
        return submit.run(config, file, [*arguments, *where], print_only=print_only)
    from headrace.cluster import run

    told = dict(zip(where[::2], where[1::2], strict=True))
    if "--conf" in told:
        raise ConfigError(f"a job on a cluster does not see {told['--conf']}", "It reads conf/ of its image")
    root = ["--root", told["--root"]] if "--root" in told else []
    return run.run(config, file, [*arguments, *root], size=size, print_only=print_only)
