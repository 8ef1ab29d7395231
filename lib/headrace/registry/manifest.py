"""A folder's manifest: SHA-256 and size of every file, checked before a file is parsed or loaded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import ValidationError

from headrace.errors import ArtefactError
from headrace.frozen import FrozenModel
from headrace.storage import Place, below, below_matching

NAME = "manifest.json"


class Entry(FrozenModel):
    """One file: the SHA-256 of its bytes in hex, and its size in bytes."""

    sha256: str
    size: int


class Manifest(FrozenModel):
    """The files of a folder. Keys are paths relative to the folder."""

    files: dict[str, Entry]


def write(folder: Path) -> str:
    """Write the manifest of all files in ``folder``; returns the SHA-256 of the manifest (see `digest`)."""
    files = {name: _entry(path) for name, path in _files(folder).items()}
    content = json.dumps(Manifest(files=files).model_dump(), indent=2, sort_keys=True)
    (folder / NAME).write_text(content + "\n", encoding="utf-8")
    return digest(folder)


def verify(folder: Place, copy_of: Place | None = None) -> str:
    """Check every file of ``folder`` against its manifest; returns the SHA-256 of the manifest.

    If ``folder`` is a copy of ``copy_of``, errors name the files there.

    Raises:
        ArtefactError: the manifest is missing or unreadable, or a file is missing, changed or not in the manifest.
    """
    listed, found = _read(folder).files, _files(folder)
    for name in sorted(listed.keys() | found.keys()):
        shown = (copy_of or folder) / name
        if name not in listed:
            raise ArtefactError(
                f"{shown} is not in the manifest", "Remove it if nobody needs it, or register the model again"
            )
        path = found.get(name)
        _compare(shown, _entry(path) if path and path.is_file() else None, listed[name])
    return digest(folder)


def read(folder: Place, name: str) -> bytes:
    """The bytes of one file of ``folder``, checked against the manifest.

    Raises:
        ArtefactError: as `verify`, for this file only.
    """
    listed = _read(folder).files
    if name not in listed:
        raise ArtefactError(f"{folder / NAME} does not list {name}", "Register the model again")
    try:
        content = (folder / name).read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        _compare(folder / name, None, listed[name])
        raise
    _compare(folder / name, Entry(sha256=hashlib.sha256(content).hexdigest(), size=len(content)), listed[name])
    return content


def digest(folder: Place) -> str:
    """The SHA-256 of the manifest. It covers all bytes of the folder, and is the digest of a version."""
    try:
        return hashlib.sha256((folder / NAME).read_bytes()).hexdigest()
    except OSError:
        raise ArtefactError(f"{folder} has no {NAME}", "Register the model again, or restore the folder") from None


def _files(folder: Place) -> dict[str, Place]:
    files = (p for p in below_matching(folder) if not p.is_dir() and p != folder / NAME)
    return {below(folder, p): p for p in files}


def _entry(path: Place) -> Entry:
    with path.open("rb") as stream:  # hashed in pieces, because a file may be larger than memory
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return Entry(sha256=sha256, size=path.stat().st_size)


def _read(folder: Place) -> Manifest:
    try:
        return Manifest.model_validate_json((folder / NAME).read_bytes())
    except OSError:
        raise ArtefactError(f"{folder} has no {NAME}", "Register the model again, or restore the folder") from None
    except ValidationError:
        raise ArtefactError(f"{folder / NAME} is not a manifest", "Restore the folder from a backup") from None


def _compare(path: Place, found: Entry | None, listed: Entry) -> None:
    if found is None:
        raise ArtefactError(
            f"{path} is missing (the manifest has SHA-256 {listed.sha256[:12]}, {listed.size} bytes)",
            "Restore it from a backup, or roll back to another version",
        )
    if found != listed:
        raise ArtefactError(
            f"{path} has SHA-256 {found.sha256[:12]} ({found.size} bytes), its manifest says {listed.sha256[:12]}"
            f" ({listed.size} bytes)",
            "It was changed after it was registered: restore it from a backup, or roll back to another version",
        )
