"""The processor cores that a rank may use."""

from __future__ import annotations

import os
from pathlib import Path

from headrace import variables

CGROUP = Path("/sys/fs/cgroup/cpu.max")


def cores_of_rank() -> int:
    """The executor's or the machine's cores, shared out among the ranks there; at least 1.

    A container's limit counts as well: its processes see all cores of the node.
    """
    machine = len(os.sched_getaffinity(0))
    allowed = float(min(machine, int(os.environ.get(variables.EXECUTOR_CORES) or machine)))
    if CGROUP.is_file():
        quota, period = CGROUP.read_text().split()
        if quota != "max":
            allowed = min(allowed, int(quota) / int(period))
    return max(1, int(allowed) // int(os.environ.get("HOROVOD_LOCAL_SIZE", "1")))
