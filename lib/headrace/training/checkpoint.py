"""Keep the state of a training after each epoch, so that the next try goes on from there.

A checkpoint is one file of arrays, without pickles, and an index that names the file, its digest and its position.
The index is written last. Ranks have the same state where it is written, so that the state of rank 0 serves all.

Each try of a training has its own checkpoint, so that two tries at the same time never write to one file.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import shutil
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Any

import numpy as np

from headrace import storage
from headrace.errors import ArtefactError
from headrace.frozen import FrozenModel
from headrace.storage import Place
from headrace.training.progress import Epoch

FOLDER, INDEX = "checkpoint", "checkpoint.json"
TIMES = 5  # that another look is taken at a checkpoint which is being replaced
_LOG = logging.getLogger(__name__)


class Position(FrozenModel, ser_json_inf_nan="constants"):
    """How far a training has come.

    Attributes:
        phase: ``choose`` or ``refit``.
        epoch: the last epoch of the phase that ended, from 1; 0 before the first.
        best: the epoch with the lowest validation loss so far.
        lowest: that loss.
        history: the figures of all epochs so far, of both phases.
    """

    phase: str
    epoch: int = 0
    best: int = 0
    lowest: float | None = None
    history: tuple[Epoch, ...] = ()


class Checkpoint(FrozenModel, ser_json_inf_nan="constants"):
    """A checkpoint that is complete.

    Attributes:
        position: how far the training had come.
        made_by: what decides the bits of a step besides the training's id; see `made_by`.
        file: the name of the file of arrays.
        sha256: its digest in hex.
        folder: the folder of both files, which the index does not name.
    """

    position: Position
    made_by: str
    file: str
    sha256: str
    folder: Place


def made_by() -> str:
    """The libraries and threads of this rank, as text. With others, the next step would have other bits."""
    import tensorflow as tf

    libraries = [f"{name} {version(name)}" for name in ("tensorflow-cpu", "keras", "numpy", "horovod")]
    return ", ".join([*libraries, f"{tf.config.threading.get_intra_op_parallelism_threads()} threads"])


def save(folder: Place, position: Position, variables: Sequence[Any]) -> None:
    """Keep the values of Keras variables. The checkpoint before it is removed once this one is complete."""
    name = f"{position.phase}-{position.epoch:04d}.npz"
    with storage.writing(folder / name) as local:
        with local.open("wb") as file:
            np.savez(file, *(np.asarray(variable.value) for variable in variables))
        with local.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    index = Checkpoint(position=position, made_by=made_by(), file=name, sha256=digest, folder=folder)
    _write_index(index)
    for old in folder.glob("*.npz"):
        if old.name != name:
            old.unlink(missing_ok=True)


def latest(tries: Place) -> Checkpoint | None:
    """The checkpoint of the try that came furthest; None if there is none. ``tries`` has a folder for each try."""
    kept = filter(None, (_whole(index.parent) for index in tries.glob(f"*/{FOLDER}/{INDEX}")))
    return max(kept, key=_epochs, default=None)


def adopted(tries: Place, own: Place) -> Checkpoint | None:
    """The checkpoint of the try that came furthest, moved into the folder ``own`` of another try; None without any.

    The other try may still run. It then writes its own checkpoint again after its next epoch.
    """
    for _ in range(TIMES):
        found = latest(tries)
        if found is None:
            return None
        with suppress(FileNotFoundError):  # the other try has just replaced it
            moved = _copied(found, own)
            for folder in tries.glob(f"*/{FOLDER}"):
                if folder != own and (other := _whole(folder)) and _epochs(other) <= _epochs(moved):
                    storage.remove(folder)
            return moved
    return None


def _copied(found: Checkpoint, own: Place) -> Checkpoint:
    with storage.local_copy(found.folder / found.file) as local, storage.writing(own / found.file) as copy:
        shutil.copyfile(local, copy)
    moved = found.model_copy(update={"folder": own})
    _write_index(moved)
    return moved


def _write_index(of: Checkpoint) -> None:
    """Make a checkpoint complete: its file of arrays was written before."""
    storage.write(of.folder / INDEX, of.model_dump_json(exclude={"folder"}).encode())


def _epochs(of: Checkpoint) -> int:
    return len(of.position.history)


def _whole(folder: Place) -> Checkpoint | None:
    """The checkpoint in a folder. A damaged one is logged, and does not count."""
    for _ in range(TIMES):
        index = storage.read_text(folder / INDEX)
        try:
            found = Checkpoint(**json.loads(index), folder=folder)
            with storage.local_copy(folder / found.file) as local, local.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == found.sha256:
                    return found
            damage = f"{found.file} is not the file that was written"
        except (ValueError, TypeError, FileNotFoundError) as wrong:
            damage = " ".join(str(wrong).split())
        if index == storage.read_text(folder / INDEX):  # else its try has just replaced it
            _LOG.warning("the checkpoint in %s is damaged, and does not count: %s", folder, damage)
            return None
    return None


def load(checkpoint: Checkpoint, variables: Sequence[Any]) -> None:
    """Set Keras variables to the values that were kept.

    Raises:
        ArtefactError: the file is not the file that was written, or it is of another network.
    """
    folder, file = checkpoint.folder, checkpoint.folder / checkpoint.file
    with storage.local_copy(file) as local:
        content = local.read_bytes()
    if hashlib.sha256(content).hexdigest() != checkpoint.sha256:
        raise ArtefactError(f"{file} is not the file that was written", f"Remove {folder}")
    with np.load(io.BytesIO(content), allow_pickle=False) as kept:
        arrays = [kept[name] for name in kept.files]
    if [array.shape for array in arrays] != [tuple(variable.shape) for variable in variables]:
        raise ArtefactError(f"{file} is of another network", f"Remove {folder}")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
