"""Numbered JSON records, sealed with their digest. Each is created once, and readers never see a part of one."""

from __future__ import annotations

import hashlib
import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from headrace.errors import ArtefactError
from headrace.storage.place import Place
from headrace.storage.transfer import create as create_file

Record = TypeVar("Record", bound=BaseModel)


def create(path: Place, record: BaseModel) -> None:
    """Write a record under a free name. If two processes write at the same time, one of them gets the error.

    Raises:
        FileExistsError: the name is taken.
    """
    create_file(path, seal(record))


def read(path: Place, kind: type[Record]) -> Record:
    """Read a record and check its seal.

    Raises:
        ArtefactError: the file is not a record of this kind, or its content was changed.
    """
    return unseal(path.read_bytes(), kind, path)


def seal(record: BaseModel, indent: int | None = 2) -> bytes:
    """The bytes of a record's file. Without ``indent`` they are half as many, and hard to read."""
    content = json.loads(record.model_dump_json())
    sealed = {"sha256": _digest(content), "content": content}
    separators = None if indent else (",", ":")
    return json.dumps(sealed, indent=indent, separators=separators, sort_keys=True).encode()


def unseal(sealed: bytes, kind: type[Record], path: Place) -> Record:
    """The record in the bytes of a file, after a check of its seal; see ``read`` for the errors."""
    broken = ArtefactError(f"{path} was changed after it was written", "Restore it from a backup")
    try:
        found = json.loads(sealed)
        if found["sha256"] != _digest(found["content"]):
            raise broken
        return kind.model_validate(found["content"])
    except (ValueError, KeyError, TypeError, ValidationError):
        raise broken from None


def in_order(folder: Place) -> list[Place]:
    """The records of a folder by number, without the leftovers of crashed writers."""
    return sorted((p for p in folder.glob("*.json") if p.stem.isdigit()), key=lambda p: p.stem)


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
