"""A job where the environment's backend runs jobs: on this machine, or on the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from headrace import submit
from headrace.cluster.sizes import AUTO
from headrace.config import Config


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
        where: the arguments that tell a job on this machine of its environment; an image has its own.
    """
    if config.backend != "kubernetes":
        return submit.run(config, file, [*arguments, *where], print_only=print_only)
    from headrace.cluster import run

    return run.run(config, file, arguments, size=size, print_only=print_only)
