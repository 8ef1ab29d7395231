"""A disk that is too small: a file system in memory, of a fixed size."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SIZE = "32m"


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk mounted at ``folder`` while the block runs. The test is skipped where mounting is not allowed."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path, leave_bytes: int) -> Path:
    """Fill a disk with one file, and leave some bytes free; returns the file. Removing it empties the disk again."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            file.truncate(max(0, file.tell() - leave_bytes))
    return filler
