"""Bytes into a place and out of it: whole or not at all, and exclusively where that is asked for."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from headrace.errors import StorageError
from headrace.storage.client import client, told
from headrace.storage.place import Place
from headrace.storage.s3path import S3Path

Item = TypeVar("Item")
Found = TypeVar("Found")

AT_ONCE, MANY_AT_ONCE = 8, 16  # whole files; small objects
CLAIM = ".claim"


def write(to: Place, content: bytes) -> None:
    """Write a file, over one that is there: a reader sees the old bytes or the new, and never some of each."""
    if isinstance(to, S3Path):
        with told(str(to)):
            client().put_object(Bucket=to.bucket, Key=to.key, Body=content)
        return
    with writing(to) as file:
        file.write_bytes(content)


def append(to: Place, line: str) -> None:
    """Add a line to a text file, which is made where there is none. One process alone may do so: in S3, which cannot
    append, the file is written again."""
    if isinstance(to, S3Path):
        write(to, f"{read_text(to)}{line}\n".encode())
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def read_text(of: Place) -> str:
    """The text of a file; empty where there is none yet."""
    try:
        return of.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def create(to: Place, content: bytes) -> None:
    """Write a file under a name that nobody has taken. Of two writers one wins, and no reader sees half a file.

    ``content`` must be the writer's own: in S3 two that write the same bytes take each other for themselves.

    On a disk the bytes are complete under another name before a hard link gives them this one; in S3 it is one
    conditional request, and if its reply is lost, the bytes that are there say whose they are.

    Raises:
        FileExistsError: another writer has taken the name.
    """
    if isinstance(to, S3Path):
        try:
            with told(str(to)):
                client().put_object(Bucket=to.bucket, Key=to.key, Body=content, IfNoneMatch="*")
        except FileExistsError:
            if to.read_bytes() != content:
                raise
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    partial = to.with_name(f".{to.name}.{uuid.uuid4().hex}.partial")
    try:
        with partial.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(partial, to)
        sync(to.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def writing(to: Place) -> Iterator[Path]:
    """A path of this disk, with the same name, to write a file to. After the block it is at ``to``, over what is
    there; it appears whole. An error in the block leaves nothing."""
    beside = None if isinstance(to, S3Path) else to.parent
    if beside is not None:
        beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=beside, prefix=f".{to.name}.") as folder:
        written = Path(folder) / to.name
        yield written
        if isinstance(to, S3Path):
            upload(written, to)
        else:
            written.replace(to)


def upload(source: Path, to: Place) -> None:
    """Copy a file of this disk to a place, over what is there; it appears whole."""
    if isinstance(to, S3Path):
        with told(str(to)), source.open("rb") as stream:
            client().upload_fileobj(stream, to.bucket, to.key)
        return
    with writing(to) as file:
        shutil.copyfile(source, file)


def download(source: Place, to: Path) -> Path:
    """Copy a file, or all files below a folder, to a path of this disk; returns the path."""
    if isinstance(source, S3Path):
        one = source.found is not None or source.is_file()
        pairs = [(source, to)] if one else [(each, to / each.relative_to(source)) for each in source.rglob("*")]
        if not pairs:
            raise FileNotFoundError(str(source))
        for _, target in pairs:
            target.parent.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(_fetch, *zip(*pairs, strict=True)))
    elif source.is_dir():
        shutil.copytree(source, to, dirs_exist_ok=True)
    else:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, to)
    return to


def for_each(of: Place, do: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
    """``do`` for each item, in their order; many at once where ``of`` is in S3, where each waits."""
    if not isinstance(of, S3Path):
        return [do(item) for item in items]
    with ThreadPoolExecutor(MANY_AT_ONCE) as pool:
        return list(pool.map(do, items))


def remove(what: Place) -> None:
    """Remove a file, or a folder with all that lies below; nothing where there is nothing."""
    if isinstance(what, S3Path):
        doomed = [each.key for each in what.rglob("*")] or [what.key]
        with told(str(what)):
            for start in range(0, len(doomed), 1000):
                keys = [{"Key": key} for key in doomed[start : start + 1000]]
                reply = client().delete_objects(Bucket=what.bucket, Delete={"Objects": keys, "Quiet": True})
                for kept in reply.get("Errors", ()):
                    raise StorageError(f"{what}: S3 keeps {kept['Key']}: {kept.get('Code')} {kept.get('Message')}", "")
    elif what.is_dir():
        shutil.rmtree(what)
    else:
        what.unlink(missing_ok=True)


def publish_folder(source: Path, to: Place, last: str) -> None:
    """Copy a folder of this disk to a place that nobody has taken; it appears whole: it is there once ``last`` is.

    On a disk it is renamed into place. In S3 the name is claimed by a conditional request, and the file called
    ``last`` is written after all others. A claim without it is a writer's that crashed, and its name stays taken.

    Raises:
        FileExistsError: another writer has taken the name.
    """
    if isinstance(to, S3Path):
        create(to.with_name(f"{to.name}{CLAIM}"), uuid.uuid4().hex.encode())
        files = sorted((p for p in source.rglob("*") if p.is_file()), key=lambda p: p.relative_to(source) == Path(last))
        for each in files:
            upload(each, to / each.relative_to(source))
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    temporary = to.parent / f".{to.name}-{uuid.uuid4().hex}"
    try:
        shutil.copytree(source, temporary)
        for path in (*temporary.rglob("*"), temporary):
            sync(path)
        try:
            temporary.rename(to)  # fails where it is a folder with files in it
        except OSError:
            if to.is_dir():
                raise FileExistsError(str(to)) from None
            raise
        sync(to.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sync(path: Path) -> None:
    """Make a file's bytes, or the names in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fetch(source: S3Path, to: Path) -> None:
    with told(str(source)):
        client().download_file(source.bucket, source.key, str(to))
