"""A folder's manifest: SHA-256 and size of every file, checked before any of them is parsed or loaded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from headrace.errors import ArtefactError

NAME = "manifest.json"


class Entry(BaseModel):
    """One file: the SHA-256 of its bytes in hex, and its size in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    size: int


class Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    files: dict[str, Entry]


def write(folder: Path) -> str:
    """Write the manifest of all files that lie in ``folder`` now; returns the manifest's own SHA-256 (see `digest`)."""
    files = {name: _entry(path) for name, path in _files(folder).items()}
    content = json.dumps(Manifest(files=files).model_dump(), indent=2, sort_keys=True)
    (folder / NAME).write_text(content + "\n", encoding="utf-8")
    return digest(folder)


def verify(folder: Path) -> str:
    """Check every file of ``folder`` against its manifest; returns the manifest's own SHA-256.

    Raises:
        ArtefactError: the manifest is missing or unreadable, or a file is missing, changed or not in the manifest.
    """
    listed, there = _read(folder).files, _files(folder)
    for name in sorted(listed.keys() | there.keys()):
        if name not in listed:
            raise ArtefactError(
                f"{folder / name} is not in the manifest", "Remove it if nobody knows it, or register the model again"
            )
        _compare(folder / name, listed[name])
    return digest(folder)


def read(folder: Path, name: str) -> bytes:
    """The bytes of one file of ``folder``, checked against the manifest.

    Raises:
        ArtefactError: as `verify`, for this file alone.
    """
    listed = _read(folder).files
    if name not in listed:
        raise ArtefactError(f"{folder / NAME} does not list {name}", "Register the model again")
    _compare(folder / name, listed[name])
    return (folder / name).read_bytes()


def digest(folder: Path) -> str:
    """The SHA-256 of the manifest itself. It stands for all bytes of the folder: this is a version's digest."""
    try:
        return hashlib.sha256((folder / NAME).read_bytes()).hexdigest()
    except OSError:
        raise ArtefactError(f"{folder} has no {NAME}", "Register the model again, or restore the folder") from None


def _files(folder: Path) -> dict[str, Path]:
    return {str(p.relative_to(folder)): p for p in folder.rglob("*") if not p.is_dir() and p != folder / NAME}


def _entry(path: Path) -> Entry:
    with path.open("rb") as stream:  # hashed in pieces: a file may be larger than memory
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return Entry(sha256=sha256, size=path.stat().st_size)


def _read(folder: Path) -> Manifest:
    try:
        return Manifest.model_validate_json((folder / NAME).read_bytes())
    except OSError:
        raise ArtefactError(f"{folder} has no {NAME}", "Register the model again, or restore the folder") from None
    except ValidationError:
        raise ArtefactError(f"{folder / NAME} is not a manifest", "Restore the folder from a backup") from None


def _compare(path: Path, listed: Entry) -> None:
    if not path.is_file():
        raise ArtefactError(
            f"{path} is missing (the manifest has SHA-256 {listed.sha256[:12]}, {listed.size} bytes)",
            "Restore it from a backup, or roll back to another version",
        )
    found = _entry(path)
    if found != listed:
        raise ArtefactError(
            f"{path} has SHA-256 {found.sha256[:12]} ({found.size} bytes), its manifest says {listed.sha256[:12]}"
            f" ({listed.size} bytes)",
            "It was changed after it was registered: restore it from a backup, or roll back to another version",
        )
