"""Numbered JSON records that are created once, seen whole or not at all, and sealed with their digest."""

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
    """Write a record under a name that nobody has taken: of two writers one wins, and no reader sees half a record.

    Raises:
        FileExistsError: another writer has taken the name.
    """
    content = json.loads(record.model_dump_json())
    sealed = {"sha256": _digest(content), "content": content}
    storage.create(path, json.dumps(sealed, indent=2, sort_keys=True).encode())


def read(path: Place, kind: type[Record]) -> Record:
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


def in_order(folder: Place) -> list[Place]:
    """The records of a folder by number; what a crashed writer left is not among them."""
    return sorted((p for p in folder.glob("*.json") if p.stem.isdigit()), key=lambda p: p.stem)


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
