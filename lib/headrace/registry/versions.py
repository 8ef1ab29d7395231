"""Versions of a model: numbered folders that appear whole and never change.

``root/<model>/versions/0001`` holds the model's files, ``version.json`` and ``manifest.json``. In S3, where no folder
can appear at once, the manifest comes last, and a version is there once its manifest is.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from headrace import storage
from headrace.errors import ArtefactError, UnknownNameError
from headrace.registry import manifest
from headrace.storage import Place
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

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    model: str
    number: int = Field(ge=1)
    training_id: str
    created_at: dt.datetime
    pins: dict[str, Any] = {}
    path: Place
    digest: str

    def __str__(self) -> str:
        return f"{self.model} version {self.number}"


def register(root: Place, model: str, folder: Path, version_json: Mapping[str, Any]) -> Version:
    """Copy a trained model's files into the next free version of ``model``.

    ``version_json`` has ``training_id``, and the pins. A training id that is registered already is not registered
    again: its version is returned as it is.

    Raises:
        ArtefactError: ``version_json`` has no training id, or ``folder`` holds no file.
    """
    training_id = str(version_json.get("training_id", ""))
    if not training_id or not folder.is_dir() or not any(folder.iterdir()):
        raise ArtefactError(f"{folder} cannot be registered", "It takes a folder with files, and a training_id")
    # Numbers are taken one after the other, each exclusively, and the ids are looked up before each try. Whoever
    # registers the same id at the same time sees it here, or loses the number and looks again. (In S3, where a number
    # is taken before its version is there, both may get one: the same model twice, known by the older.)
    while (existing := _trained(root, model, training_id)) is None:
        number = max(_numbers(root, model), default=0) + 1
        _publish(folder, _folder(root, model, number), {**version_json, "model": model, "number": number})
    return existing


def versions(root: Place, model: str) -> list[Version]:
    """All versions of a model, the oldest first. What a crashed writer left is not among them.

    Raises:
        ArtefactError: a version's ``version.json`` is not what its manifest says.
    """
    folders = [_folder(root, model, number) for number in sorted(_numbers(root, model))]
    whole = storage.for_each(root, _whole, folders)
    return storage.for_each(root, _read, [folder for folder, there in zip(folders, whole, strict=True) if there])


def version(root: Place, model: str, number: int) -> Version:
    """One version of a model.

    Raises:
        UnknownNameError: there is no such model or version; names those that there are.
    """
    folder = _folder(root, model, number)
    if folder.is_dir():
        return _read(folder)
    known = [v.number for v in versions(root, model)]
    if known:
        raise UnknownNameError(f"{model} has no version {number}", f"Known: {', '.join(map(str, known))}")
    models = [p.parent.name for p in root.glob("*/versions")]
    hint = nearest(model, models) if models and model not in models else "Train it first"
    raise UnknownNameError(f"no version of a model called {model!r} is registered", hint)


def _folder(root: Place, model: str, number: int) -> Place:
    return root / model / "versions" / f"{number:04d}"


def _numbers(root: Place, model: str) -> set[int]:
    """The numbers that are taken: those of versions, and in S3 those that were claimed and may never become one."""
    names = (p.name.removesuffix(storage.CLAIM) for p in (root / model / "versions").glob("*"))
    return {int(name) for name in names if name.isdigit()}


def _whole(folder: Place) -> bool:
    """On a disk a folder appears whole, and one without a manifest was damaged, which whoever reads it is told."""
    return not storage.on_s3(folder) or (folder / manifest.NAME).is_file()


def _trained(root: Place, model: str, training_id: str) -> Version | None:
    return next((v for v in versions(root, model) if v.training_id == training_id), None)


def _publish(folder: Path, target: Place, content: Mapping[str, Any]) -> None:
    """Copy ``folder`` with its version and manifest to ``target``, unless another writer has taken that."""
    with tempfile.TemporaryDirectory(prefix="headrace-") as temporary:
        complete = Path(temporary) / target.name
        shutil.copytree(folder, complete, ignore=shutil.ignore_patterns(manifest.NAME, FILE))
        stamped = {"created_at": dt.datetime.now(dt.UTC).isoformat(), **content}
        (complete / FILE).write_text(json.dumps(stamped, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        manifest.write(complete)
        with contextlib.suppress(FileExistsError):
            storage.publish_folder(complete, target, last=manifest.NAME)


def _read(folder: Place) -> Version:
    content = json.loads(manifest.read(folder, FILE))
    own = {name: content.pop(name) for name in ("model", "number", "training_id", "created_at")}
    return Version(**own, pins=content, path=folder, digest=manifest.digest(folder))
