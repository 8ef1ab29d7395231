"""Local copies of files and folders in S3, for libraries that read only from a disk."""

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
    """A path on this disk with the content of ``of``, to read in the block.

    It is ``of`` itself if that is on a disk. Otherwise it is a copy, which is removed after the block.
    """
    if not isinstance(of, S3Path):
        yield of
        return
    with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
        yield download(of, Path(folder) / of.name)


def cached_copy(of: Place, content: str, check: Callable[[Path], object]) -> Path:
    """A path on this disk with the content of ``of``, which ``check`` has verified.

    It is ``of`` itself if that is on a disk. Otherwise it is a copy, made once on each machine. Copies that were not
    used for three days are removed when another is made.

    Args:
        content: the digest of the content, which identifies the copy.
        check: raises if the path's content is wrong. The copy is then removed, so that the next call copies again.
    """
    if not isinstance(of, S3Path):
        check(of)
        return of
    copy = copies() / content[:32]
    try:
        os.utime(copy)
    except FileNotFoundError:
        _remove_unused(copy.parent)
        _copy(of, copy)
    try:
        check(copy)
    except Exception:
        remove(copy)
        raise
    return copy


def copies() -> Path:
    """The folder of this user's copies."""
    return Path(tempfile.gettempdir()) / f"headrace-copies-{os.getuid()}"


def _copy(of: S3Path, to: Path) -> None:
    partial = to.with_name(f".{to.name}.{uuid.uuid4().hex}")
    try:
        download(of, partial).rename(to)
    except OSError:
        if not to.exists():  # if it exists, another process was first
            raise
    finally:
        remove(partial)


def _remove_unused(folder: Path) -> None:
    """Remove copies that were not used lately, and partial copies that killed processes left."""
    before = time.time() - UNUSED_SECONDS
    for copy in folder.glob("*"):
        with suppress(FileNotFoundError):  # another process was first
            if copy.stat().st_mtime < before:
                remove(copy)
