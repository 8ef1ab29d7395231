"""Versions of a model: numbered folders that appear whole and never change.

``root/<model>/versions/0001`` holds the model's files, ``version.json`` and ``manifest.json``.
"""

from __future__ import annotations

import datetime as dt
import errno
import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from headrace.errors import ArtefactError, UnknownNameError
from headrace.registry import manifest
from headrace.registry.records import sync
from headrace.yamlfile import nearest

FILE = "version.json"


class Version(BaseModel):
    """One trained model, as it was registered.

    Attributes:
        training_id: says what it was trained from and how; the same id is the same model.
        pins: what it takes to train it again (publish ids, commit, seed, configuration, windows), and its figures.
        path: the folder with its files.
        digest: SHA-256 of its manifest, and so of all its bytes.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    number: int = Field(ge=1)
    training_id: str
    created_at: dt.datetime
    pins: dict[str, Any] = {}
    path: Path
    digest: str

    def __str__(self) -> str:
        return f"{self.model} version {self.number}"


def register(root: Path, model: str, folder: Path, version_json: Mapping[str, Any]) -> Version:
    """Copy a trained model's files into the next free version of ``model``.

    ``version_json`` has ``training_id``, and the pins. A training id that is registered already is not registered
    again: its version is returned as it is.

    Raises:
        ArtefactError: ``version_json`` has no training id, or ``folder`` holds no file.
    """
    training_id = str(version_json.get("training_id", ""))
    if not training_id or not folder.is_dir() or not any(folder.iterdir()):
        raise ArtefactError(f"{folder} cannot be registered", "It takes a folder with files, and a training_id")
    parent = root / model / "versions"
    parent.mkdir(parents=True, exist_ok=True)
    # Numbers are taken one after the other by an exclusive rename, and the ids below are looked up before each try.
    # Whoever registers the same id at the same time either sees it here, or loses the number and looks again.
    while True:
        known = versions(root, model)
        existing = next((v for v in known if v.training_id == training_id), None)
        if existing:
            return existing
        number = max((v.number for v in known), default=0) + 1
        if _place(folder, parent / f"{number:04d}", {**version_json, "model": model, "number": number}):
            return version(root, model, number)


def versions(root: Path, model: str) -> list[Version]:
    """All versions of a model, the oldest first. What a crashed writer left is not among them.

    Raises:
        ArtefactError: a version's ``version.json`` is not what its manifest says.
    """
    folders = (root / model / "versions").glob("*")
    return [_read(p) for p in sorted(folders, key=lambda p: p.name) if p.name.isdigit()]


def version(root: Path, model: str, number: int) -> Version:
    """One version of a model.

    Raises:
        UnknownNameError: there is no such model or version; names those that there are.
    """
    folder = root / model / "versions" / f"{number:04d}"
    if folder.is_dir():
        return _read(folder)
    known = [v.number for v in versions(root, model)]
    if known:
        raise UnknownNameError(f"{model} has no version {number}", f"Known: {', '.join(map(str, known))}")
    models = [p.parent.name for p in root.glob("*/versions")]
    hint = nearest(model, models) if models and model not in models else "Train it first"
    raise UnknownNameError(f"no version of a model called {model!r} is registered", hint)


def _place(folder: Path, target: Path, content: Mapping[str, Any]) -> bool:
    """Copy ``folder`` with its version and manifest to ``target`` in one step; False where ``target`` exists."""
    temporary = target.parent / f".{target.name}-{uuid.uuid4().hex}"
    try:
        shutil.copytree(folder, temporary, ignore=shutil.ignore_patterns(manifest.NAME, FILE))
        stamped = {"created_at": dt.datetime.now(dt.UTC).isoformat(), **content}
        (temporary / FILE).write_text(json.dumps(stamped, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        manifest.write(temporary)
        for path in temporary.rglob("*"):
            sync(path)
        sync(temporary)
        temporary.rename(target)  # fails where target is a folder with files in it, which a version always is
        sync(target.parent)
    except OSError as taken:
        if taken.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return True


def _read(folder: Path) -> Version:
    content = json.loads(manifest.read(folder, FILE))
    own = {name: content.pop(name) for name in ("model", "number", "training_id", "created_at")}
    return Version(**own, pins=content, path=folder, digest=manifest.digest(folder))
