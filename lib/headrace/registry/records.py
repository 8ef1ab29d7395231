"""Numbered JSON records, sealed with their digest. Each is created once, and readers never see a part of one."""

from __future__ import annotations

import hashlib
import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from headrace import storage
from headrace.errors import ArtefactError
from headrace.storage import Place

Record = TypeVar("Record", bound=BaseModel)


def create(path: Place, record: BaseModel) -> None:
    """Write a record under a free name. If two processes write at the same time, one of them gets the error.

    Raises:
        FileExistsError: the name is taken.
    """
    content = json.loads(record.model_dump_json())
    sealed = {"sha256": _digest(content), "content": content}
    storage.create(path, json.dumps(sealed, indent=2, sort_keys=True).encode())


def read(path: Place, kind: type[Record]) -> Record:
    """Read a record and check its seal.

    Raises:
        ArtefactError: the file is not a record of this kind, or its content was changed.
    """
    broken = ArtefactError(f"{path} was changed after it was written", "Restore it from a backup")
    try:
        sealed = json.loads(path.read_bytes())
        if sealed["sha256"] != _digest(sealed["content"]):
            raise broken
        return kind.model_validate(sealed["content"])
    except (ValueError, KeyError, TypeError, ValidationError):
        raise broken from None


def in_order(folder: Place) -> list[Place]:
    """The records of a folder by number, without the leftovers of crashed writers."""
    return sorted((p for p in folder.glob("*.json") if p.stem.isdigit()), key=lambda p: p.stem)


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
