"""The record of a training in MLflow, in a database file."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.errors import TrainingDivergedError
from headrace.training import tracking

pytestmark = pytest.mark.slow


def test_a_training_is_one_run_with_its_epochs_and_a_failed_one_says_why(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with tracking.run(uri, "sales.late", {"seed": 1}, {"commit": "abc"}) as run:
        for number, loss in ((1, 0.6), (2, 0.5)):
            run.epoch({"phase": "choose", "epoch": number, "epochs": 2, "loss": loss})
        run.figures({"auc": 0.73})
    with (
        pytest.raises(TrainingDivergedError),
        tracking.run(uri, "sales.late", {}, {}) as failed,
    ):
        raise TrainingDivergedError("the loss became nan")

    good, bad = run.client.get_run(run.id), run.client.get_run(failed.id)
    assert good.info.experiment_id == bad.info.experiment_id
    assert (good.info.status, bad.info.status) == ("FINISHED", "FAILED")
    assert (good.data.params, good.data.tags["commit"]) == ({"seed": "1"}, "abc")
    assert [(m.step, m.value) for m in run.client.get_metric_history(run.id, "choose/loss")] == [(1, 0.6), (2, 0.5)]
    assert good.data.metrics["auc"] == 0.73
    assert bad.data.tags["error"] == "the loss became nan"


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1", "sqlite:////dev/null/mlflow.db"])
def test_a_training_goes_on_without_mlflow(uri: str, caplog: pytest.LogCaptureFixture) -> None:
    with tracking.run(uri, "sales.late", {"seed": 1}, {"commit": "abc"}) as run:
        run.epoch({"phase": "choose", "epoch": 1, "epochs": 2, "loss": 0.6})
        run.tags({"version": "1"})
    assert run.id == ""
    tracking.at(uri, "no such run").figures({"auc": 0.73})
    tracking.at(uri, run.id).tags({"verdict": "it passed"})
    assert any(text.startswith("the run of sales.late in MLflow is lost") for text in caplog.messages)


def test_a_training_ends_as_it_did_if_mlflow_goes_away_meanwhile(tmp_path: Path) -> None:
    folder = tmp_path / "mlflow"
    folder.mkdir()
    with tracking.run(f"sqlite:///{folder / 'mlflow.db'}", "sales.late", {}, {}) as run:
        (folder / "mlflow.db").write_bytes(b"not a database " * 1000)
        run.epoch({"phase": "choose", "epoch": 1, "epochs": 2, "loss": 0.6})
    with (
        pytest.raises(TrainingDivergedError),
        tracking.run("http://127.0.0.1:1", "sales.late", {}, {}),
    ):
        raise TrainingDivergedError("the loss became nan")
