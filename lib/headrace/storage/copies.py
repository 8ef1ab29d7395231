"""What lies in S3 as a file or folder of this disk, for what reads only those."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from headrace.storage.place import Place
from headrace.storage.s3path import S3Path
from headrace.storage.transfer import download, remove

UNUSED_SECONDS = 3 * 24 * 3600


@contextmanager
def local_copy(of: Place) -> Iterator[Path]:
    """A file or folder as one of this disk, to be read: itself, or a copy that is gone after the block."""
    if not isinstance(of, S3Path):
        yield of
        return
    with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
        yield download(of, Path(folder) / of.name)


def cached_copy(of: Place, content: str, check: Callable[[Path], object]) -> Path:
    """A file or folder as one of this disk that ``check`` has passed: itself, or a copy, made once a machine.

    A copy that nobody asked for in three days is removed when another is made.

    Args:
        content: a digest of it, which the copy is known by.
        check: raises where what lies at a path is not what it should be. A copy that it raises at is removed, so that
            it does not outlive what was wrong with it.
    """
    if not isinstance(of, S3Path):
        check(of)
        return of
    there = copies() / content[:32]
    try:
        os.utime(there)
    except FileNotFoundError:
        _remove_unused(there.parent)
        _copy(of, there)
    try:
        check(there)
    except Exception:
        remove(there)
        raise
    return there


def copies() -> Path:
    """The folder of this user's copies."""
    return Path(tempfile.gettempdir()) / f"headrace-copies-{os.getuid()}"


def _copy(of: S3Path, there: Path) -> None:
    partial = there.with_name(f".{there.name}.{uuid.uuid4().hex}")
    try:
        download(of, partial).rename(there)
    except OSError:
        if not there.exists():  # else another process was first
            raise
    finally:
        remove(partial)


def _remove_unused(folder: Path) -> None:
    """Also what a process left that was killed while it copied."""
    before = time.time() - UNUSED_SECONDS
    for each in folder.glob("*"):
        with suppress(FileNotFoundError):  # another process was first
            if each.stat().st_mtime < before:
                remove(each)
