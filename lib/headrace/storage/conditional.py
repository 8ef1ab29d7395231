"""Replace a small file only if it is still as it was read: compare-and-swap, on a disk and in S3."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.storage.client import client, translated_errors
from headrace.storage.place import Place
from headrace.storage.s3path import S3Path
from headrace.storage.transfer import write


def read_tagged(of: Place) -> tuple[bytes, str] | None:
    """The bytes of a file and a tag that changes with them; None if the file does not exist."""
    try:
        if isinstance(of, S3Path):
            with translated_errors(str(of)):
                found = client().get_object(Bucket=of.bucket, Key=of.key)
                return found["Body"].read(), found["ETag"]
        content = of.read_bytes()
    except FileNotFoundError:
        return None
    return content, _tag(content)


def replace_if(to: Place, content: bytes, tag: str | None) -> bool:
    """Write a file if it still has the tag that ``read_tagged`` gave, or still does not exist if ``tag`` is None.

    In S3 it is one conditional request. If its reply is lost, the stored bytes show whether it succeeded. On a disk,
    writers exclude each other by a lock on the folder, and the new file replaces the old one atomically.

    Args:
        content: must be unique to the writer. In S3, two writers of the same bytes may both believe that they won.

    Returns:
        Whether the file was written. If not, another writer was first.
    """
    if isinstance(to, S3Path):
        condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        try:
            with translated_errors(str(to)):
                client().put_object(Bucket=to.bucket, Key=to.key, Body=content, **condition)
        except (FileExistsError, FileNotFoundError):  # the latter: somebody removed it
            found = read_tagged(to)
            return found is not None and found[0] == content
        return True
    to.parent.mkdir(parents=True, exist_ok=True)
    with _locked(to.parent):
        found = read_tagged(to)
        if (found and found[1]) != tag:
            return False
        write(to, content)
    return True


def _tag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Exclude the other threads and processes that lock the folder. The lock ends with its process."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
