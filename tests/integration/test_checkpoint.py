"""A checkpoint: complete or not there, and of the network that asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from headrace.config import Training
from headrace.errors import ArtefactError, DeadlineError, TrainingTooSlowError
from headrace.training import checkpoint, fit, progress
from headrace.training.checkpoint import Position
from headrace.training.exchange import Alone
from headrace.training.fit import TrainingSpec
from headrace.training.learner import Learner

from tests.support.arrow_shards import ENCODER, learnable
from tests.support.small_disk import fill, small_disk

AT = Position(phase="choose", epoch=2, best=1, lowest=0.5, reported=2)


def learner(seed: int = 1, rate: float = 0.001) -> Learner:
    from flights.network import build

    return Learner(build, ENCODER, Training(seed=seed, learning_rate=rate), Alone(), steps=1)


def values(of: Learner) -> list[Any]:
    return [np.asarray(variable.value) for variable in of.variables]


def killed(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_checkpoint_gives_weights_moments_and_random_state_back(tmp_path: Path) -> None:
    from headrace.training.batches import Batches

    files = learnable(tmp_path / "shards", 300)
    batches = Batches([files], 100, seed=1)
    trained, other = learner(), learner(seed=2)
    for part in batches.epoch(1):
        trained.step(part)
    checkpoint.save(tmp_path / "kept", AT, trained.variables)
    kept = checkpoint.latest(tmp_path / "kept")
    assert kept is not None
    assert kept.position == AT
    checkpoint.load(tmp_path / "kept", kept, other.variables)
    for ours, theirs in zip(values(trained), values(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    losses = [[each.step(part) for part in batches.epoch(2)] for each in (trained, other)]
    assert losses[0] == losses[1]


def test_only_the_newest_checkpoint_is_kept(tmp_path: Path) -> None:
    of = learner()
    for epoch in (1, 2):
        checkpoint.save(tmp_path, AT.model_copy(update={"epoch": epoch}), of.variables)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.json", "choose-0002.npz"]


@pytest.mark.parametrize("last_write", ["numpy.savez", "headrace.storage.write"])
def test_a_save_that_is_not_completed_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_write: str
) -> None:
    before, later = learner(), learner(seed=2)
    checkpoint.save(tmp_path, AT, before.variables)
    with monkeypatch.context() as there:
        there.setattr(last_write, killed)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save(tmp_path, AT.model_copy(update={"epoch": 3}), later.variables)
    kept = checkpoint.latest(tmp_path)
    assert kept is not None
    assert kept.position == AT
    checkpoint.load(tmp_path, kept, later.variables)
    for ours, theirs in zip(values(before), values(later), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_training_whose_checkpoints_find_no_room_goes_on_and_logs_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = learnable(tmp_path / "shards", 300)
    with small_disk(tmp_path / "disk") as disk:
        settings = Training(ranks=1, batch_size=100, max_epochs=2, patience=2)
        spec = TrainingSpec("flights.network:build", ENCODER, files, files, settings, disk / "network")
        fill(disk, leave_bytes=16_384)  # enough for the figures of epochs, too little for the weights
        assert fit.choose_epochs(spec, Alone(), None).epoch == 2
        assert [line["epoch"] for line in progress.read(spec.folder / fit.METRICS)] == [1, 2]
        assert checkpoint.latest(spec.folder / fit.CHECKPOINT) is None
    assert "the checkpoint after epoch 2 of choose is lost, and the work goes on" in caplog.text
    assert "No space left on device" in caplog.text


@pytest.mark.parametrize("damage", ["cut short", "no file", "no index", "half an index"])
def test_a_damaged_checkpoint_does_not_count_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    checkpoint.save(tmp_path, AT, learner().variables)
    arrays, index = tmp_path / "choose-0002.npz", tmp_path / "checkpoint.json"
    match damage:
        case "cut short":
            arrays.write_bytes(arrays.read_bytes()[:-100])
        case "no file":
            arrays.unlink()
        case "no index":
            index.unlink()
        case _:
            index.write_text(index.read_text()[:20])
    assert checkpoint.latest(tmp_path) is None
    assert ("is damaged, so that the training begins again" in caplog.text) == (damage != "no index")


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, AT, learner().variables[1:])
    kept = checkpoint.latest(tmp_path)
    assert kept is not None
    with pytest.raises(ArtefactError, match=r"choose-0002\.npz is of another network"):
        checkpoint.load(tmp_path, kept, learner().variables)


def test_a_deadline_is_permanent_only_if_no_try_has_ended_an_epoch(tmp_path: Path) -> None:
    files = learnable(tmp_path / "shards", 300)
    spec = TrainingSpec("flights.network:build", ENCODER, files, files, Training(ranks=1), tmp_path / "network")

    def late(*_: Any, **__: Any) -> list[Any]:
        raise DeadlineError("training did not finish within 120 minutes")

    with pytest.raises(TrainingTooSlowError, match="within 120 minutes, and not one epoch ended"):
        fit.fit(late, spec)
    checkpoint.save(spec.folder / fit.CHECKPOINT, AT, learner().variables)
    with pytest.raises(DeadlineError, match=r"within 120 minutes$"):
        fit.fit(late, spec)


def test_a_checkpoint_of_other_libraries_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = learnable(tmp_path / "shards", 300)
    spec = TrainingSpec("flights.network:build", ENCODER, files, files, Training(ranks=1), tmp_path / "network")
    progress.append(spec.folder / fit.METRICS, {"epoch": 1})
    checkpoint.save(spec.folder / fit.CHECKPOINT, AT, learner().variables)
    kept = checkpoint.latest(spec.folder / fit.CHECKPOINT)
    assert fit.usable(spec, Alone(), kept) == kept
    assert progress.read(spec.folder / fit.METRICS) == [{"epoch": 1}]
    monkeypatch.setattr(checkpoint, "made_by", lambda: "keras 4, 7 threads")
    assert fit.usable(spec, Alone(), kept) is None
    assert progress.read(spec.folder / fit.METRICS) == []


def test_a_checkpoint_that_changes_before_it_is_loaded_is_refused(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, AT, learner().variables)
    kept = checkpoint.latest(tmp_path)
    assert kept is not None
    (tmp_path / kept.file).write_bytes(b"changed")
    with pytest.raises(ArtefactError, match=r"choose-0002\.npz is not the file that was written"):
        checkpoint.load(tmp_path, kept, learner().variables)
