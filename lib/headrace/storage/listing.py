"""List folders that other processes write to: a name that vanishes meanwhile is left out, and raises nothing."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator
from pathlib import Path

from headrace.storage.place import Place
from headrace.storage.s3path import S3Path


def files_after(folder: Place, name: str) -> list[Place]:
    """The files directly in a folder whose names sort after ``name``, in order. A missing folder has none.

    Hidden files, such as the leftovers of crashed writers, are left out. In S3, the files carry their size and time.
    """
    if isinstance(folder, S3Path):
        files: list[Place] = list(folder.files(after=name))
    else:
        files = [path for path in folder.glob("*") if path.name > name and path.is_file()]
    return sorted((file for file in files if not file.name.startswith(".")), key=lambda file: file.name)


def below_matching(folder: Place, pattern: str = "*") -> Iterator[Place]:
    """Everything below a folder whose name matches, at any depth, hidden names included. A missing folder has nothing.

    In S3 these are objects; on a disk they are files and folders. ``Path.rglob`` would raise an error there if another
    process removed a folder during the walk. Like ``rglob``, this passes over folders that it may not read.

    Raises:
        OSError: the disk failed. What it did not list must not count as missing.
    """
    if isinstance(folder, S3Path):
        yield from folder.rglob(pattern)
        return
    for parent, folders, files in os.walk(folder, onerror=_raise_unless_gone):
        for name in fnmatch.filter((*folders, *files), pattern):
            yield Path(parent, name)


def _raise_unless_gone(error: OSError) -> None:
    """``os.walk`` would pass over every folder that it cannot list, whatever the reason."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError):
        raise error
