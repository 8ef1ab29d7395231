"""A checkpoint: complete or not there, and of the network that asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from headrace.config import Training
from headrace.errors import ArtefactError, DeadlineError, TrainingTooSlowError
from headrace.training import checkpoint, fit
from headrace.training.checkpoint import Position
from headrace.training.exchange import Alone
from headrace.training.fit import TrainingSpec
from headrace.training.learner import Learner

from tests.support.arrow_shards import ENCODER, learnable

AT = Position(phase="choose", epoch=2, best=1, lowest=0.5, reported=2)


def learner(seed: int = 1, rate: float = 0.001) -> Learner:
    from flights.network import build

    return Learner(build, ENCODER, Training(seed=seed, learning_rate=rate), Alone(), steps=1)


def values(of: Learner) -> list[Any]:
    return [np.asarray(variable.value) for variable in of.variables]


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


def test_a_deadline_is_permanent_only_if_no_epoch_ended_before_it(tmp_path: Path) -> None:
    files = learnable(tmp_path / "shards", 300)
    spec = TrainingSpec("flights.network:build", ENCODER, files, files, Training(ranks=1), tmp_path / "network")
    late = DeadlineError("training did not finish within 120 minutes")

    def stuck(*_: Any, **__: Any) -> list[Any]:
        raise late

    def slow(*_: Any, **__: Any) -> list[Any]:
        checkpoint.save(spec.folder / fit.CHECKPOINT, AT, learner().variables)
        raise late

    with pytest.raises(TrainingTooSlowError, match="within 120 minutes, and not one epoch ended"):
        fit.fit(stuck, spec)
    with pytest.raises(DeadlineError, match=r"within 120 minutes$"):
        fit.fit(slow, spec)
    with pytest.raises(TrainingTooSlowError):
        fit.fit(stuck, spec)
