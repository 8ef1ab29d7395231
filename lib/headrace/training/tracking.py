"""A training as a run in MLflow: its parameters, its epochs as they come, its figures, and what it was made from."""

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
class Run:
    """A run that is going on; its methods may be called from any thread."""

    client: Any
    id: str

    def epoch(self, epoch: Mapping[str, Any]) -> None:
        """Log an epoch's figures, as ``choose/loss`` and so on."""
        names = set(epoch) - {"phase", "epoch", "epochs"}
        for name in sorted(names):
            self.client.log_metric(self.id, f"{epoch['phase']}/{name}", float(epoch[name]), step=int(epoch["epoch"]))

    def figures(self, figures: Mapping[str, float]) -> None:
        """Log figures of the finished model."""
        for name, value in figures.items():
            self.client.log_metric(self.id, name, float(value))

    def tags(self, tags: Mapping[str, str]) -> None:
        for name, value in tags.items():
            self.client.set_tag(self.id, name, value)


@contextmanager
def run(uri: str, experiment: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> Iterator[Run]:
    """Record what happens in the block as one run of ``experiment``; an error ends the run as failed, with its text.

    Args:
        uri: MLflow's tracking URI, such as ``sqlite:////data/mlflow.db``.
        experiment: the model's name.
        tags: what the training is pinned to.
    """
    client = _client(uri)
    there = client.get_experiment_by_name(experiment)
    number = there.experiment_id if there else client.create_experiment(experiment, artifact_location=_artifacts(uri))
    record = Run(client, client.create_run(number, tags=dict(tags)).info.run_id)
    for name, value in params.items():
        client.log_param(record.id, name, value)
    try:
        yield record
    except BaseException as error:
        record.tags({"error": str(error)})
        client.set_terminated(record.id, "FAILED")
        raise
    client.set_terminated(record.id, "FINISHED")


def at(uri: str, run_id: str) -> Run:
    """A run that was made before, to add to it."""
    return Run(_client(uri), run_id)


def _client(uri: str) -> Any:
    """MLflow's client. It neither calls home nor fills the log with its own migrations."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _artifacts(uri: str) -> str | None:
    """Beside a database file rather than below the current folder; a server knows its own place."""
    return str(Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts") if uri.startswith("sqlite:///") else None
