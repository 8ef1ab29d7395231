"""Record a training as a run in MLflow: its parameters, epochs, figures and pins."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
NOISY = ("alembic", "mlflow.store.db.utils", "mlflow.tracking")


@dataclass(frozen=True)
class MlflowRun:
    """A run in MLflow that can be added to. Its methods may be called from any thread."""

    client: Any
    id: str

    def epoch(self, epoch: Mapping[str, Any]) -> None:
        """Log the figures of an epoch under names such as ``choose/loss``."""
        names = set(epoch) - {"phase", "epoch", "epochs"}
        for name in sorted(names):
            self.client.log_metric(self.id, f"{epoch['phase']}/{name}", float(epoch[name]), step=int(epoch["epoch"]))

    def figures(self, figures: Mapping[str, float]) -> None:
        """Log figures of the finished model."""
        for name, value in figures.items():
            self.client.log_metric(self.id, name, float(value))

    def tags(self, tags: Mapping[str, str]) -> None:
        """Set tags; an existing tag is replaced."""
        for name, value in tags.items():
            self.client.set_tag(self.id, name, value)


@contextmanager
def run(uri: str, experiment: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> Iterator[MlflowRun]:
    """Record the block as one run of ``experiment``. After an error the run is marked as failed, with the error's text.

    Args:
        uri: MLflow's tracking URI, such as ``sqlite:////data/mlflow.db``.
        experiment: the model's name.
        params: the parameters of the training.
        tags: the pins of the training, such as its commit.
    """
    client = _client(uri)
    known = client.get_experiment_by_name(experiment)
    number = known.experiment_id if known else client.create_experiment(experiment, artifact_location=_artifacts(uri))
    record = MlflowRun(client, client.create_run(number, tags=dict(tags)).info.run_id)
    for name, value in params.items():
        client.log_param(record.id, name, value)
    try:
        yield record
    except BaseException as error:
        record.tags({"error": str(error)})
        client.set_terminated(record.id, "FAILED")
        raise
    client.set_terminated(record.id, "FINISHED")


def at(uri: str, run_id: str) -> MlflowRun:
    """An existing run, to add to it."""
    return MlflowRun(_client(uri), run_id)


def _client(uri: str) -> Any:
    """MLflow's client, without telemetry and without log lines about database migrations."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _artifacts(uri: str) -> str | None:
    """A folder beside the database file, instead of the current folder; None for a server, which has its own."""
    return str(Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts") if uri.startswith("sqlite:///") else None
