"""A checkpoint: complete or not there, and of the network that asks for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from headrace import storage
from headrace.config import Training
from headrace.errors import ArtefactError, DeadlineError, RankLostError, TrainingTooSlowError
from headrace.training import checkpoint, fit, progress
from headrace.training.checkpoint import Position
from headrace.training.exchange import Alone
from headrace.training.fit import Fitted, RankResult, TrainingSpec
from headrace.training.learner import Learner
from headrace.training.progress import Epoch

from tests.support.arrow_shards import ENCODER, learnable
from tests.support.small_disk import fill, small_disk

AT = Position(phase="choose", epoch=2, best=1, lowest=0.5, history=({"epoch": 1}, {"epoch": 2, "loss": 0.1}))


def folder_of(tries: Path, name: str = "one") -> Path:
    """The folder of the checkpoint of a try."""
    return tries / name / checkpoint.FOLDER


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
    checkpoint.save(folder_of(tmp_path), AT, trained.variables)
    kept = checkpoint.latest(tmp_path)
    assert kept is not None
    assert kept.position == AT
    checkpoint.load(kept, other.variables)
    for ours, theirs in zip(values(trained), values(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    losses = [[each.step(part) for part in batches.epoch(2)] for each in (trained, other)]
    assert losses[0] == losses[1]


def test_only_the_newest_checkpoint_is_kept(tmp_path: Path) -> None:
    of = learner()
    for epoch in (1, 2):
        checkpoint.save(folder_of(tmp_path), AT.model_copy(update={"epoch": epoch}), of.variables)
    assert sorted(path.name for path in folder_of(tmp_path).iterdir()) == ["checkpoint.json", "choose-0002.npz"]


@pytest.mark.parametrize("last_write", ["numpy.savez", "headrace.storage.write"])
def test_a_save_that_is_not_completed_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_write: str
) -> None:
    before, later = learner(), learner(seed=2)
    checkpoint.save(folder_of(tmp_path), AT, before.variables)
    with monkeypatch.context() as there:
        there.setattr(last_write, killed)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save(folder_of(tmp_path), AT.model_copy(update={"epoch": 3}), later.variables)
    kept = checkpoint.latest(tmp_path)
    assert kept is not None
    assert kept.position == AT
    checkpoint.load(kept, later.variables)
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
        assert checkpoint.latest(disk) is None
    assert "the checkpoint after epoch 2 of choose is lost, and the work goes on" in caplog.text
    assert "No space left on device" in caplog.text


@pytest.mark.parametrize("damage", ["cut short", "no file", "no index", "half an index"])
def test_a_damaged_checkpoint_does_not_count_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    checkpoint.save(folder_of(tmp_path), AT, learner().variables)
    arrays, index = (folder_of(tmp_path) / name for name in ("choose-0002.npz", "checkpoint.json"))
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
    assert ("is damaged, and does not count" in caplog.text) == (damage != "no index")


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    checkpoint.save(folder_of(tmp_path), AT, learner().variables[1:])
    kept = checkpoint.latest(tmp_path)
    assert kept is not None
    with pytest.raises(ArtefactError, match=r"choose-0002\.npz is of another network"):
        checkpoint.load(kept, learner().variables)


def test_a_deadline_is_permanent_only_if_no_try_has_ended_an_epoch(tmp_path: Path) -> None:
    files = learnable(tmp_path / "shards", 300)
    spec = TrainingSpec("flights.network:build", ENCODER, files, files, Training(ranks=1), tmp_path / "network")

    def late(_: Any, args: Sequence[Any], **__: Any) -> list[Any]:
        fit.usable(args[0], Alone(), args[1])
        raise DeadlineError("training did not finish within 120 minutes")

    with pytest.raises(TrainingTooSlowError, match="within 120 minutes, and not one epoch ended"):
        fit.fit(late, spec)
    checkpoint.save(folder_of(spec.folder), AT, learner().variables)
    with pytest.raises(DeadlineError, match=r"within 120 minutes$"):
        fit.fit(late, spec)


def test_a_checkpoint_of_other_libraries_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = learnable(tmp_path / "shards", 300)
    spec = TrainingSpec("flights.network:build", ENCODER, files, files, Training(ranks=1), tmp_path / "network")
    checkpoint.save(folder_of(spec.folder), AT, learner().variables)
    kept = checkpoint.latest(spec.folder)
    assert fit.usable(spec, Alone(), kept) == kept
    assert progress.read(spec.folder / fit.METRICS) == list(AT.history)
    (spec.folder / fit.METRICS).unlink()
    monkeypatch.setattr(checkpoint, "made_by", lambda: "keras 4, 7 threads")
    assert fit.usable(spec, Alone(), kept) is None
    assert progress.read(spec.folder / fit.METRICS) == []


def test_a_checkpoint_that_changes_before_it_is_loaded_is_refused(tmp_path: Path) -> None:
    checkpoint.save(folder_of(tmp_path), AT, learner().variables)
    kept = checkpoint.latest(tmp_path)
    assert kept is not None
    (kept.folder / kept.file).write_bytes(b"changed")
    with pytest.raises(ArtefactError, match=r"choose-0002\.npz is not the file that was written"):
        checkpoint.load(kept, learner().variables)


def test_a_try_moves_the_checkpoint_of_the_try_that_came_furthest_into_its_folder(tmp_path: Path) -> None:
    first, second, third, own = (folder_of(tmp_path, name) for name in ("a", "b", "c", "own"))
    checkpoint.save(first, AT.model_copy(update={"history": AT.history[:1]}), learner().variables)
    checkpoint.save(second, AT, learner().variables)
    checkpoint.save(third, AT.model_copy(update={"history": (*AT.history, {"epoch": 3})}), learner().variables)
    (third / "choose-0002.npz").write_bytes(b"cut short")
    kept = checkpoint.adopted(tmp_path, own)
    assert kept is not None
    assert (kept.folder, kept.position) == (own, AT)
    checkpoint.load(kept, learner(seed=2).variables)
    assert {index.parent for index in tmp_path.glob("*/*/checkpoint.json")} == {third, own}


def test_a_checkpoint_that_its_try_replaces_meanwhile_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, later = folder_of(tmp_path), AT.model_copy(update={"epoch": 3, "history": (*AT.history, {"epoch": 3})})
    checkpoint.save(running, AT, learner().variables)
    copy, replaced = storage.local_copy, list[Any]()

    def slow_copy(of: Any) -> Any:
        if not replaced:
            replaced.append(of)
            checkpoint.save(running, later, learner().variables)
        return copy(of)

    monkeypatch.setattr(storage, "local_copy", slow_copy)
    kept = checkpoint.adopted(tmp_path, folder_of(tmp_path, "own"))
    assert kept is not None
    assert kept.position == later
    checkpoint.load(kept, learner(seed=2).variables)


def test_epochs_of_other_libraries_do_not_hide_those_that_were_trained_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = learnable(tmp_path / "shards", 300)
    settings = Training(ranks=1, batch_size=100, max_epochs=3, patience=3)
    spec = TrainingSpec("flights.network:build", ENCODER, files, files, settings, tmp_path / "network")
    with monkeypatch.context() as there:
        there.setattr(checkpoint, "made_by", lambda: "keras 4, 7 threads")
        checkpoint.save(folder_of(spec.folder), AT, learner().variables)
    begun: list[int] = []

    def killed_after_an_epoch(_: Any, args: Sequence[Any], **__: Any) -> list[Any]:
        own, kept = args
        kept = fit.usable(own, Alone(), kept)
        begun.append(kept.position.epoch if kept else 0)
        fit.choose_epochs(
            replace(own, settings=settings.model_copy(update={"max_epochs": begun[-1] + 1})), Alone(), kept
        )
        raise RankLostError("rank 0 was lost")

    for _ in range(3):
        with pytest.raises(RankLostError):
            fit.fit(killed_after_an_epoch, spec)
    assert begun == [0, 1, 2]


def test_an_undefined_auc_survives_a_checkpoint(tmp_path: Path) -> None:
    position = AT.model_copy(update={"history": ({"epoch": 1, "validation_auc": math.nan},)})
    checkpoint.save(folder_of(tmp_path), position, learner().variables)
    kept = checkpoint.latest(tmp_path)
    assert kept is not None
    assert math.isnan(kept.position.history[0]["validation_auc"])


def test_two_trainings_of_one_id_at_the_same_time_each_have_their_own_epochs(tmp_path: Path) -> None:
    files = learnable(tmp_path / "shards", 300)
    settings = Training(ranks=1, batch_size=100, max_epochs=2, patience=2)
    spec = TrainingSpec("flights.network:build", ENCODER, files, files, settings, tmp_path / "network")
    inner: list[Fitted] = []

    def alone(_: Any, args: Sequence[Any], **__: Any) -> list[Any]:
        spec, kept = args
        chosen = fit.choose_epochs(spec, Alone(), kept)
        return [RankResult(chosen.best, "same", "same", 0)]

    def beside_another(fn: Any, args: Sequence[Any], **settings: Any) -> list[Any]:
        inner.append(fit.fit(alone, spec))
        return alone(fn, args)

    seen: list[Epoch] = []
    outer = fit.fit(beside_another, spec, seen.append)
    epochs = [epoch["epoch"] for epoch in inner[0].history]
    assert [epoch["epoch"] for epoch in outer.history] == [epoch["epoch"] for epoch in seen] == epochs == [1, 2]
    assert outer.model.parent != inner[0].model.parent
