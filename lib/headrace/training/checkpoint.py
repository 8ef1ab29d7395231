"""Keep the state of a training after each epoch, so that the next try goes on from there.

A checkpoint is one file of arrays, without pickles, and an index that names the file, its digest and its position.
The index is written last. Ranks have the same state where it is written, so that the state of rank 0 serves all.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from pydantic import ValidationError

from headrace import storage
from headrace.errors import ArtefactError
from headrace.frozen import FrozenModel
from headrace.storage import Place

INDEX = "checkpoint.json"
_LOG = logging.getLogger(__name__)


class Position(FrozenModel):
    """How far a training has come.

    Attributes:
        phase: ``choose`` or ``refit``.
        epoch: the last epoch of the phase that ended, from 1; 0 before the first.
        best: the epoch with the lowest validation loss so far.
        lowest: that loss.
        reported: the epochs that were reported so far, of both phases.
    """

    phase: str
    epoch: int = 0
    best: int = 0
    lowest: float | None = None
    reported: int = 0


class Checkpoint(FrozenModel):
    """A checkpoint that is complete.

    Attributes:
        position: how far the training had come.
        made_by: what decides the bits of a step besides the training's id; see `made_by`.
        file: the name of the file of arrays.
        sha256: its digest in hex.
    """

    position: Position
    made_by: str
    file: str
    sha256: str


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
    index = Checkpoint(position=position, made_by=made_by(), file=name, sha256=digest)
    storage.write(folder / INDEX, index.model_dump_json().encode())
    for old in folder.glob("*.npz"):
        if old.name != name:
            old.unlink(missing_ok=True)


def latest(folder: Place) -> Checkpoint | None:
    """The checkpoint in a folder; None if there is none. A damaged one is logged, and does not count."""
    index = storage.read_text(folder / INDEX)
    if not index:
        return None
    try:
        found = Checkpoint.model_validate_json(index)
        with storage.local_copy(folder / found.file) as local, local.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == found.sha256:
                return found
        damage = f"{found.file} is not the file that was written"
    except (ValidationError, FileNotFoundError) as wrong:
        damage = " ".join(str(wrong).split())
    _LOG.warning("the checkpoint in %s is damaged, so that the training begins again: %s", folder, damage)
    return None


def load(folder: Place, checkpoint: Checkpoint, variables: Sequence[Any]) -> None:
    """Set Keras variables to the values that were kept.

    Raises:
        ArtefactError: the file is not the file that was written, or it is of another network.
    """
    with storage.local_copy(folder / checkpoint.file) as local:
        content = local.read_bytes()
    if hashlib.sha256(content).hexdigest() != checkpoint.sha256:
        raise ArtefactError(f"{folder / checkpoint.file} is not the file that was written", f"Remove {folder}")
    with np.load(io.BytesIO(content), allow_pickle=False) as kept:
        arrays = [kept[name] for name in kept.files]
    if [array.shape for array in arrays] != [tuple(variable.shape) for variable in variables]:
        raise ArtefactError(f"{folder / checkpoint.file} is of another network", f"Remove {folder}")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
