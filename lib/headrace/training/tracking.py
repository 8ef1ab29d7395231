"""Record a training as a run in MLflow: its parameters, epochs, figures and pins.

MLflow only records. If it does not answer, that is logged, and the training goes on without it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.best_effort import BestEffort

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # By default a request waits minutes for a server that is down.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
NOISY = ("alembic", "mlflow.store.db.utils", "mlflow.tracking")
MAX_ERROR = 1000  # characters of an error that a tag takes


@dataclass(frozen=True)
class MlflowRun:
    """A run in MLflow that can be added to. Its methods may be called from any thread, and never raise.

    ``id`` is empty if MLflow did not answer when the run should have begun. Nothing is then added.
    """

    client: Any
    id: str

    def epoch(self, epoch: Mapping[str, Any]) -> None:
        """Log the figures of an epoch under names such as ``choose/loss``."""
        names = sorted(set(epoch) - {"phase", "epoch", "epochs"})
        self.figures({f"{epoch['phase']}/{name}": epoch[name] for name in names}, step=int(epoch["epoch"]))

    def figures(self, figures: Mapping[str, float], step: int = 0) -> None:
        """Log figures, by default the finished model's."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._batch("figures", metrics=[Metric(name, float(value), now, step) for name, value in figures.items()])

    def tags(self, tags: Mapping[str, str]) -> None:
        """Set tags; an existing tag is replaced."""
        from mlflow.entities import RunTag

        self._batch("tags", tags=[RunTag(name, value) for name, value in tags.items()])

    def params(self, params: Mapping[str, Any]) -> None:
        """Log the parameters of the training."""
        from mlflow.entities import Param

        self._batch("parameters", params=[Param(name, str(value)) for name, value in params.items()])

    def end(self, status: str) -> None:
        """Mark the run as FINISHED or FAILED."""
        if self.id:
            with BestEffort(f"the status {status} in MLflow"):
                self.client.set_terminated(self.id, status)

    def _batch(self, what: str, **entities: Any) -> None:
        if self.id:
            with BestEffort(f"a batch of {what} in MLflow"):
                self.client.log_batch(self.id, **entities)


@contextmanager
def run(uri: str, experiment: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> Iterator[MlflowRun]:
    """Record the block as one run of ``experiment``. After an error the run is marked as failed, with the error's text.

    Args:
        uri: MLflow's tracking URI, such as ``sqlite:////data/mlflow.db``.
        experiment: the model's name.
        params: the parameters of the training.
        tags: the pins of the training, such as its commit.
    """
    record = _begun(uri, experiment, tags)
    record.params(params)
    try:
        yield record
    except BaseException as error:
        record.tags({"error": str(error)[:MAX_ERROR]})
        record.end("FAILED")
        raise
    record.end("FINISHED")


def at(uri: str, run_id: str) -> MlflowRun:
    """An existing run, to add to it. An empty id gives a run that records nothing."""
    if run_id:
        with BestEffort(f"what belongs to run {run_id} in MLflow"):
            return MlflowRun(client(uri), run_id)
    return MlflowRun(None, "")


def client(uri: str) -> Any:
    """MLflow's client for trackings and models, without telemetry and without log lines about database migrations."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _begun(uri: str, experiment: str, tags: Mapping[str, str]) -> MlflowRun:
    """A new run; one that records nothing if MLflow does not answer."""
    with BestEffort(f"the run of {experiment} in MLflow"):
        mlflow = client(uri)
        known = mlflow.get_experiment_by_name(experiment)
        number = known.experiment_id if known else mlflow.create_experiment(experiment, _artifacts(uri))
        return MlflowRun(mlflow, mlflow.create_run(number, tags=dict(tags)).info.run_id)
    return MlflowRun(None, "")


def _artifacts(uri: str) -> str | None:
    """A folder beside the database file, instead of the current folder; None for a server, which has its own."""
    return str(Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts") if uri.startswith("sqlite:///") else None
