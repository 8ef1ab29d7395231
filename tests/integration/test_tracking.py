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
