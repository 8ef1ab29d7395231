"""Publish a folder: all of its files appear together, under a name that did not exist."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from headrace.storage.place import Place
from headrace.storage.s3path import S3Path
from headrace.storage.transfer import create, sync, upload

CLAIM = ".claim"  # ends the name of the object that claims a folder's name in S3


def publish_folder(source: Path, to: Place, last: str) -> None:
    """Copy a local folder to a place that does not exist yet. The folder is complete once the file ``last`` exists.

    On a disk, the folder is renamed into place. In S3, a conditional request claims the name, and the file called
    ``last`` is written after all others. A claim without that file comes from a crashed writer; the name stays taken.

    Raises:
        FileExistsError: another writer has taken the name.
    """
    if isinstance(to, S3Path):
        create(to.with_name(f"{to.name}{CLAIM}"), uuid.uuid4().hex.encode())
        files = sorted((p for p in source.rglob("*") if p.is_file()), key=lambda p: p.relative_to(source) == Path(last))
        for file in files:
            upload(file, to / file.relative_to(source))
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    temporary = to.parent / f".{to.name}-{uuid.uuid4().hex}"
    try:
        shutil.copytree(source, temporary)
        for path in (*temporary.rglob("*"), temporary):
            sync(path)
        try:
            temporary.rename(to)  # fails if the target is a folder with files in it
        except OSError:
            if to.is_dir():
                raise FileExistsError(str(to)) from None
            raise
        sync(to.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
