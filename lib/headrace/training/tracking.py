"""Record a training as a run in MLflow: its parameters, epochs, figures and pins.

MLflow only records. What it misses because it does not answer is kept in the lake, and sent later; see `backlog`.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from headrace.training.backlog import TRAINING_ID, Backlog, Entry, experiment_of, run_of, send, send_all

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
_LOG = logging.getLogger(__name__)


class MlflowRun:
    """A run in MLflow that can be added to. Its methods may be called from any thread, and never raise.

    Once MLflow has failed, all that follows goes to the backlog, so that a server that hangs delays a training once.

    Args:
        uri: MLflow's tracking URI, such as ``sqlite:////data/mlflow.db``.
        backlog: takes what MLflow misses of this training.

    Attributes:
        id: MLflow's id of the run; empty if MLflow has not answered yet.
    """

    def __init__(self, uri: str, backlog: Backlog, id: str = "") -> None:
        self.id = id
        self._uri, self._backlog = uri, backlog
        self._client: Any = None
        self._away = False

    def begin(self, tags: Mapping[str, str]) -> None:
        """Begin a new run. What MLflow missed of this and other trainings is sent first."""
        if not self._reached(lambda mlflow: self._begin(mlflow, tags)):
            self._backlog.add(_entry(tags=dict(tags)))

    def _begin(self, mlflow: Any, tags: Mapping[str, str]) -> None:
        experiment = experiment_of(mlflow, self._backlog.model)  # raises at once if MLflow is away
        send_all(self._backlog.root, mlflow)
        own = {TRAINING_ID: self._backlog.training_id}
        self.id = mlflow.create_run(experiment, tags={**tags, **own}).info.run_id

    def epoch(self, epoch: Mapping[str, Any]) -> None:
        """Log the figures of an epoch under names such as ``choose/loss``."""
        names = sorted(set(epoch) - {"phase", "epoch", "epochs"})
        self.figures({f"{epoch['phase']}/{name}": epoch[name] for name in names}, step=int(epoch["epoch"]))

    def figures(self, figures: Mapping[str, float], step: int = 0) -> None:
        """Log figures, by default the finished model's. Those that are not finite are left out."""
        finite = {name: float(value) for name, value in figures.items() if math.isfinite(value)}
        self._add(metrics=finite, step=step)

    def tags(self, tags: Mapping[str, str]) -> None:
        """Set tags; an existing tag is replaced."""
        self._add(tags=dict(tags))

    def params(self, params: Mapping[str, Any]) -> None:
        """Log the parameters of the training."""
        self._add(params={name: str(value) for name, value in params.items()})

    def end(self, status: str) -> None:
        """Mark the run as FINISHED or FAILED. If MLflow missed some of it, a log line says where that is kept."""
        self._add(status=status)
        if self._away:
            _LOG.warning(
                "MLflow missed some of this training: it is kept in %s, and sent with the next training or by"
                " `headrace maintain`", self._backlog.folder,
            )  # fmt: skip

    def _add(self, **what: Any) -> None:
        entry = _entry(**what)
        if not self._reached(lambda mlflow: self._send(mlflow, entry)):
            self._backlog.add(entry)

    def _send(self, mlflow: Any, entry: Entry) -> None:
        self.id = self.id or run_of(mlflow, self._backlog.model, self._backlog.training_id)
        send(mlflow, self.id, entry)

    def _reached(self, talk: Callable[[Any], None]) -> bool:
        """Whether MLflow got it. Once MLflow has failed, it is not asked again."""
        if self._away:
            return False
        try:
            self._client = self._client or client(self._uri)
            talk(self._client)
        except Exception as failure:
            self._away = True
            why = " ".join(f"{type(failure).__name__}: {failure}".split())[:MAX_ERROR]
            _LOG.warning("MLflow does not answer, and the work goes on without it: %s", why)
        return not self._away


def _entry(**what: Any) -> Entry:
    return Entry(at=int(time.time() * 1000), **what)


@contextmanager
def run(uri: str, backlog: Backlog, params: Mapping[str, Any], tags: Mapping[str, str]) -> Iterator[MlflowRun]:
    """Record the block as one run of a training. After an error the run is marked as failed, with the error's text.

    Args:
        uri: MLflow's tracking URI, such as ``sqlite:////data/mlflow.db``.
        backlog: takes what MLflow misses; it names the model and the training.
        params: the parameters of the training.
        tags: the pins of the training, such as its commit.
    """
    record = MlflowRun(uri, backlog)
    record.begin(tags)
    record.params(params)
    try:
        yield record
    except BaseException as error:
        record.tags({"error": str(error)[:MAX_ERROR]})
        record.end("FAILED")
        raise
    record.end("FINISHED")


def client(uri: str) -> Any:
    """MLflow's client for trackings and models, without telemetry and without log lines about database migrations."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)
