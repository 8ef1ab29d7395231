"""A process with little memory: the kernel ends it once it takes more. This needs root and cgroups."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.waiting import eventually

CGROUPS = Path("/sys/fs/cgroup")
ENTER = "open({procs!r}, 'w').write(str(__import__('os').getpid()))"  # what moves a process into the group
HOLD = "bytearray(2**30).count(1)"  # it touches each page


@contextmanager
def group(limit: int) -> Iterator[str | None]:
    """A control group whose processes may hold ``limit`` bytes.

    Gives the Python statement with which a process enters it; None if this machine or its user may not make one.
    """
    first = (CGROUPS / "memory").is_dir()  # version 1 of cgroups, or else version 2
    folder = (CGROUPS / "memory" if first else CGROUPS) / f"headrace-test-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir()
        (folder / ("memory.limit_in_bytes" if first else "memory.max")).write_text(str(limit))
    except OSError:
        yield None
        return
    try:
        yield ENTER.format(procs=str(folder / "cgroup.procs"))
    finally:  # a process that was killed stays in its group until it is gone
        eventually("the group is gone", lambda: _removed(folder), within=20, every=0.05)


def _removed(folder: Path) -> bool:
    with suppress(OSError):
        folder.rmdir()
    return not folder.exists()
