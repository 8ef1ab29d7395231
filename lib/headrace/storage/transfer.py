"""Read and write files in a place. A write is atomic, and ``create`` is exclusive."""

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
from headrace.storage.client import client, translated_errors
from headrace.storage.place import Place
from headrace.storage.s3path import S3Path

Item = TypeVar("Item")
Found = TypeVar("Found")

FILE_THREADS, REQUEST_THREADS = 8, 16  # for whole files, and for small objects


def write(to: Place, content: bytes) -> None:
    """Write a file, replacing an existing one. A reader sees either the old bytes or the new ones."""
    if isinstance(to, S3Path):
        with translated_errors(str(to)):
            client().put_object(Bucket=to.bucket, Key=to.key, Body=content)
        return
    with writing(to) as file:
        file.write_bytes(content)


def append(to: Place, line: str) -> None:
    """Append a line to a text file; the file is created if necessary.

    Only one process may append to a file: S3 cannot append, so there the whole file is written again.
    """
    if isinstance(to, S3Path):
        write(to, f"{read_text(to)}{line}\n".encode())
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def read_text(of: Place) -> str:
    """The text of a file; empty if the file does not exist."""
    try:
        return of.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def create(to: Place, content: bytes) -> None:
    """Write a file under a name that does not exist yet. Of two writers one wins, and no reader sees half a file.

    On a disk, the bytes are written under another name, and a hard link then creates this one. In S3 it is one
    conditional request. If its reply is lost, the stored bytes show which writer won.

    Args:
        content: must be unique to the writer. In S3, two writers of the same bytes would both believe that they won.

    Raises:
        FileExistsError: another writer created the file first.
    """
    if isinstance(to, S3Path):
        try:
            with translated_errors(str(to)):
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
    """A local path with the same name, to write a file to. After the block the file replaces ``to``, atomically.

    An error in the block leaves ``to`` as it was.
    """
    beside = None if isinstance(to, S3Path) else to.parent
    if beside is not None:
        beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=beside, prefix=f".{to.name}.") as folder:
        written = Path(folder) / to.name
        yield written
        if isinstance(to, S3Path):
            upload(written, to)
        else:
            sync(written)
            written.replace(to)
            sync(to.parent)


def upload(source: Path, to: Place) -> None:
    """Copy a local file to a place, replacing an existing file, atomically."""
    if isinstance(to, S3Path):
        with translated_errors(str(to)), source.open("rb") as stream:
            client().upload_fileobj(stream, to.bucket, to.key)
        return
    with writing(to) as file:
        shutil.copyfile(source, file)


def download(source: Place, to: Path) -> Path:
    """Copy a file, or all files below a folder, to a local path; returns that path.

    Raises:
        FileNotFoundError: ``source`` does not exist.
    """
    if isinstance(source, S3Path):
        is_file = source.found is not None or source.is_file()
        objects = [] if is_file else source.rglob("*")
        pairs = [(source, to)] if is_file else [(item, to / item.relative_to(source)) for item in objects]
        if not pairs:
            raise FileNotFoundError(str(source))
        for _, target in pairs:
            target.parent.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(FILE_THREADS) as pool:
            list(pool.map(_fetch, *zip(*pairs, strict=True)))
    elif source.is_dir():
        shutil.copytree(source, to, dirs_exist_ok=True)
    else:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, to)
    return to


def for_each(of: Place, do: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
    """Call ``do`` for each item; returns the results in the items' order. If ``of`` is in S3, calls run in threads."""
    if not isinstance(of, S3Path):
        return [do(item) for item in items]
    with ThreadPoolExecutor(REQUEST_THREADS) as pool:
        return list(pool.map(do, items))


def both(of: Place, first: Callable[[], Found], second: Callable[[], Item]) -> tuple[Found, Item]:
    """Call two functions that send requests; returns their results. If ``of`` is in S3, they run at the same time."""
    if not isinstance(of, S3Path):
        return first(), second()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(second)
        return first(), found.result()


def remove(what: Place) -> None:
    """Remove a file, or a folder with everything below it. A missing file is not an error."""
    if isinstance(what, S3Path):
        doomed = [path.key for path in what.rglob("*")] or [what.key]
        with translated_errors(str(what)):
            for start in range(0, len(doomed), 1000):
                keys = [{"Key": key} for key in doomed[start : start + 1000]]
                reply = client().delete_objects(Bucket=what.bucket, Delete={"Objects": keys, "Quiet": True})
                for kept in reply.get("Errors", ()):
                    why = f"{kept.get('Code')} {kept.get('Message')}"
                    raise StorageError(f"{what}: S3 did not delete {kept['Key']}: {why}", "Try again later")
    elif what.is_dir():
        shutil.rmtree(what)
    else:
        what.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Flush a file's bytes, or the names in a folder, to the disk, so that they survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fetch(source: S3Path, to: Path) -> None:
    with translated_errors(str(source)):
        client().download_file(source.bucket, source.key, str(to))
