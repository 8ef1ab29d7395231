"""The record of a training in MLflow, in a database file, and what is kept while MLflow is away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from headrace import storage
from headrace.errors import TrainingDivergedError
from headrace.training import tracking
from headrace.training.backlog import Backlog, Entry, backlogs, run_of, send_all

pytestmark = pytest.mark.slow
EPOCHS = [{"phase": "choose", "epoch": n, "epochs": 2, "loss": loss} for n, loss in ((1, 0.6), (2, 0.5))]


def backlog(folder: Path, training: str = "a1") -> Backlog:
    return Backlog(folder / "backlog", "sales.late", training)


def kept(folder: Path) -> list[Entry]:
    return [Entry.model_validate_json(file.read_text()) for file in backlog(folder).files()]


def database(folder: Path) -> str:
    return f"sqlite:///{folder / 'mlflow.db'}"


def sent(folder: Path, training: str = "a1") -> Any:
    """What MLflow has of a training."""
    client = tracking.client(database(folder))
    return client.get_run(run_of(client, "sales.late", training))


def test_a_training_is_one_run_with_its_epochs_and_a_failed_one_says_why(tmp_path: Path) -> None:
    uri = database(tmp_path)
    with tracking.run(uri, backlog(tmp_path), {"seed": 1}, {"commit": "abc"}) as run:
        for epoch in EPOCHS:
            run.epoch(epoch)
        run.figures({"auc": 0.73, "validation_auc": float("nan")})
    with (
        pytest.raises(TrainingDivergedError),
        tracking.run(uri, backlog(tmp_path, "b2"), {}, {}),
    ):
        raise TrainingDivergedError("the loss became nan")

    good, bad = sent(tmp_path), sent(tmp_path, "b2")
    assert good.info.run_id == run.id
    assert good.info.experiment_id == bad.info.experiment_id
    assert (good.info.status, bad.info.status) == ("FINISHED", "FAILED")
    assert (good.data.params, good.data.tags["commit"]) == ({"seed": "1"}, "abc")
    history = tracking.client(uri).get_metric_history(run.id, "choose/loss")
    assert [(m.step, m.value) for m in history] == [(1, 0.6), (2, 0.5)]
    assert good.data.metrics["auc"] == 0.73
    assert bad.data.tags["error"] == "the loss became nan"
    assert backlogs(tmp_path / "backlog") == []


@pytest.mark.parametrize("away", ["http://127.0.0.1:1", "sqlite:////dev/null/mlflow.db"])
def test_what_mlflow_misses_of_a_training_is_kept_and_sent_with_the_next(
    tmp_path: Path, away: str, caplog: pytest.LogCaptureFixture
) -> None:
    with tracking.run(away, backlog(tmp_path), {"seed": 1}, {"commit": "abc"}) as run:
        for epoch in EPOCHS:
            run.epoch(epoch)
    gate = tracking.MlflowRun(away, backlog(tmp_path), run.id)
    gate.figures({"auc": 0.73})
    assert run.id == ""
    assert (
        sum("MLflow does not answer" in text for text in caplog.messages) == 2
    )  # once by the training and by the gate
    assert any(f"it is kept in {backlog(tmp_path).folder}" in text for text in caplog.messages)

    with tracking.run(database(tmp_path), backlog(tmp_path, "b2"), {}, {}):
        pass
    late = sent(tmp_path)
    assert (late.info.status, late.data.params, late.data.tags["commit"]) == ("FINISHED", {"seed": "1"}, "abc")
    assert (late.data.metrics["choose/loss"], late.data.metrics["auc"]) == (0.5, 0.73)
    assert backlogs(tmp_path / "backlog") == []


def test_mlflow_that_goes_away_in_the_middle_gets_the_rest_later(tmp_path: Path) -> None:
    database_file = tmp_path / "mlflow.db"
    with tracking.run(database(tmp_path), backlog(tmp_path), {}, {}) as run:
        run.epoch(EPOCHS[0])
        content = database_file.read_bytes()
        database_file.write_bytes(b"not a database " * 1000)
        run.epoch(EPOCHS[1])
    database_file.write_bytes(content)
    assert [entry.step for entry in kept(tmp_path)] == [2, 0]
    assert send_all(tmp_path / "backlog", tracking.client(database(tmp_path))) == 1
    found = sent(tmp_path)
    assert (found.info.run_id, found.info.status) == (run.id, "FINISHED")
    history = tracking.client(database(tmp_path)).get_metric_history(run.id, "choose/loss")
    assert [(m.step, m.value) for m in history] == [(1, 0.6), (2, 0.5)]


def test_a_training_without_mlflow_ends_with_its_own_error(tmp_path: Path) -> None:
    with (
        pytest.raises(TrainingDivergedError),
        tracking.run("http://127.0.0.1:1", backlog(tmp_path), {}, {}),
    ):
        raise TrainingDivergedError("the loss became nan")
    assert kept(tmp_path)[-1].status == "FAILED"


def test_sending_that_was_ended_in_the_middle_and_repeated_records_each_figure_once(tmp_path: Path) -> None:
    with tracking.run("http://127.0.0.1:1", backlog(tmp_path), {"seed": 1}, {}) as run:
        run.epoch(EPOCHS[0])
    contents = {file: file.read_text() for file in backlog(tmp_path).files()}
    client = tracking.client(database(tmp_path))
    for _ in range(2):
        for file, text in contents.items():
            storage.write(file, text.encode())
        assert send_all(tmp_path / "backlog", client) == 1
    found = sent(tmp_path)
    assert len(client.get_metric_history(found.info.run_id, "choose/loss")) == 1
    assert len(client.search_runs([found.info.experiment_id])) == 1
