"""Numbered JSON records that are created once, seen whole or not at all, and sealed with their digest."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from headrace.errors import ArtefactError

Record = TypeVar("Record", bound=BaseModel)


def create(path: Path, record: BaseModel) -> None:
    """Write a record under a name that nobody has taken.

    The bytes are complete on disk under another name before a hard link gives them this one, and making a link
    fails where the name exists. So of two writers one wins, and a reader never sees half a record.

    Raises:
        FileExistsError: another writer has taken the name.
    """
    content = json.loads(record.model_dump_json())
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.stem}-{uuid.uuid4().hex}"
    try:
        with temporary.open("x", encoding="utf-8") as stream:
            json.dump({"sha256": _digest(content), "content": content}, stream, indent=2, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(temporary, path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: Path, kind: type[Record]) -> Record:
    """Read a record and check its seal.

    Raises:
        ArtefactError: the file is not such a record, or its content was changed.
    """
    broken = ArtefactError(f"{path} was changed after it was written", "Restore it from a backup")
    try:
        sealed = json.loads(path.read_bytes())
        if sealed["sha256"] != _digest(sealed["content"]):
            raise broken
        return kind.model_validate(sealed["content"])
    except (ValueError, KeyError, TypeError, ValidationError):
        raise broken from None


def in_order(folder: Path) -> list[Path]:
    """The records of a folder by number; what a crashed writer left is not among them."""
    return sorted(p for p in folder.glob("*.json") if p.stem.isdigit())


def sync(path: Path) -> None:
    """Make a file's bytes, or the names in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
