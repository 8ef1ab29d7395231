"""Versions of a model: numbered folders that appear whole and never change.

``root/<model>/versions/0001`` holds the model's files, ``version.json`` and ``manifest.json``. In S3 a folder cannot
appear at once. The manifest is therefore written last, and a version exists once its manifest exists.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from headrace import storage
from headrace.days import ONE, DayRange
from headrace.errors import ArtefactError, UnknownNameError
from headrace.frozen import FrozenModel
from headrace.hints import nearest
from headrace.registry import manifest
from headrace.storage import Place

FILE = "version.json"
_LOG = logging.getLogger(__name__)


class Version(FrozenModel):
    """One registered model.

    Attributes:
        training_id: the digest of the training's inputs and settings; the same id means the same model.
        pins: everything needed to train it again: publish ids, commit, seed, configuration and windows. They also hold
            the training's results, such as the number of epochs.
        path: the folder with its files.
        digest: SHA-256 of its manifest, which covers all its bytes.
    """

    model: str
    number: int = Field(ge=1)
    training_id: str
    created_at: dt.datetime
    pins: dict[str, Any] = {}
    path: Place
    digest: str

    def __str__(self) -> str:
        return f"{self.model} version {self.number}"

    @property
    def trained_on(self) -> dt.date:
        """The day as on which it was trained: its windows end the day before.

        A version without this pin, which no stage makes, counts from the day after it was registered.
        """
        pinned = self.pins.get("trained_on")
        return dt.date.fromisoformat(pinned) if pinned else self.created_at.date() + ONE

    def window_of(self, day: dt.date) -> str | None:
        """The name of its own window that the day lies in: train, validate or test; None outside of them."""
        windows = self.pins.get("windows", {})
        return next((name for name, days in windows.items() if day in DayRange.parse(days)), None)


def register(root: Place, model: str, folder: Path, version_json: Mapping[str, Any]) -> Version:
    """Copy a trained model's files into the next free version of ``model``.

    Args:
        root: the registry's folder.
        model: the model's name.
        folder: the files to copy.
        version_json: ``training_id`` and the pins. If this training id is registered already, nothing is copied.

    Returns:
        The version with this training id, new or registered before.

    Raises:
        ArtefactError: ``version_json`` has no training id, or ``folder`` holds no file.
    """
    training_id = str(version_json.get("training_id", ""))
    if not training_id or not folder.is_dir() or not any(folder.iterdir()):
        raise ArtefactError(f"{folder} cannot be registered", "Give a folder with files, and a training_id")
    # Only one process can take a number, and each looks for the training id before each try. A process that registers
    # the same id at the same time either finds it, or loses the number and looks again. In S3 a number is taken before
    # its version exists, so both may register: the model then has two versions, and the older is used.
    while (existing := trained(root, model, training_id)) is None:
        number = max(_numbers(root, model), default=0) + 1
        _publish(folder, _folder(root, model, number), {**version_json, "model": model, "number": number})
    return existing


def versions(root: Place, model: str) -> list[Version]:
    """All versions of a model, the oldest first, without the leftovers of crashed writers.

    Raises:
        ArtefactError: the ``version.json`` of a version does not match its manifest.
    """
    folders = [_folder(root, model, number) for number in sorted(_numbers(root, model))]
    whole = storage.for_each(root, _whole, folders)
    return storage.for_each(root, _read, [folder for folder, is_whole in zip(folders, whole, strict=True) if is_whole])


def trained(root: Place, model: str, training_id: str) -> Version | None:
    """The oldest version of a training; None if it has none. A damaged version does not count, and is logged."""
    folders = [_folder(root, model, number) for number in sorted(_numbers(root, model))]
    for found in storage.for_each(root, _read_if_whole, folders):
        if found is not None and found.training_id == training_id:
            return found
    return None


def registered(root: Place) -> list[Version]:
    """All versions of all models in the registry, whether or not a use case declares the model.

    Raises:
        ArtefactError: as `versions`.
    """
    models = sorted(folder.parent.name for folder in root.glob("*/versions"))
    return [found for model in models for found in versions(root, model)]


def version(root: Place, model: str, number: int) -> Version:
    """One version of a model.

    Raises:
        UnknownNameError: there is no such model or version. The hint names the versions or a similar model.
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
    """The numbers that are taken. In S3 this includes claimed numbers, which may never become a version."""
    names = (p.name.removesuffix(storage.CLAIM) for p in (root / model / "versions").glob("*"))
    return {int(name) for name in names if name.isdigit()}


def _whole(folder: Place) -> bool:
    """Whether a version's folder is complete. On a disk it always is; without a manifest, reading it fails."""
    return not storage.on_s3(folder) or (folder / manifest.NAME).is_file()


def _read_if_whole(folder: Place) -> Version | None:
    if not _whole(folder):
        return None
    try:
        return _read(folder)
    except ArtefactError as damaged:
        _LOG.warning("%s does not count: %s", folder, damaged)
        return None


def _publish(folder: Path, target: Place, content: Mapping[str, Any]) -> None:
    """Copy ``folder`` with its version and manifest to ``target``, unless another process has taken ``target``."""
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
    fields = {name: content.pop(name) for name in ("model", "number", "training_id", "created_at")}
    return Version(**fields, pins=content, path=folder, digest=manifest.digest(folder))
