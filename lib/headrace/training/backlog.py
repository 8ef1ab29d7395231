"""What MLflow missed of a training: kept in the lake, and sent once MLflow answers again.

Each training has a folder, ``<root>/<model>/<training id>``, with a file for each entry. What is sent twice, because a
process ended between sending and removing a file, looks in MLflow as if it was sent once.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace import storage
from headrace.best_effort import BestEffort
from headrace.frozen import FrozenModel
from headrace.storage import Place

TRAINING_ID = "training_id"  # the tag by which a run is found


class Entry(FrozenModel):
    """Something to add to a run. ``at`` is its instant in milliseconds since 1970; ``status`` ends the run."""

    at: int
    metrics: dict[str, float] = {}
    step: int = 0
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    status: str = ""


@dataclass(frozen=True)
class Backlog:
    """The entries of one training that MLflow has not got. Each is a file, so that writers and senders meet in none."""

    root: Place
    model: str
    training_id: str

    @property
    def folder(self) -> Place:
        return self.root / self.model / self.training_id

    def add(self, entry: Entry) -> None:
        """Keep an entry. If the lake does not answer either, that is logged."""
        with BestEffort(f"what MLflow missed of {self.model}"):
            name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.json"
            storage.write(self.folder / name, entry.model_dump_json().encode())

    def files(self) -> list[Place]:
        """The files of the entries, in the order in which they were added."""
        return sorted(self.folder.glob("*.json"), key=lambda file: file.name)

    def send(self, client: Any) -> None:
        """Send all entries to the training's run, which is made if there is none. Errors of MLflow are raised."""
        run = run_of(client, self.model, self.training_id)
        for file in self.files():
            send(client, run, Entry.model_validate_json(file.read_text()))
            file.unlink(missing_ok=True)


def backlogs(root: Place) -> list[Backlog]:
    """The backlogs of all trainings that have one."""
    folders = sorted({(file.parent.parent.name, file.parent.name) for file in root.glob("*/*/*.json")})
    return [Backlog(root, model, training_id) for model, training_id in folders]


def send_all(root: Place, client: Any) -> int:
    """Send what MLflow missed. Returns the number of trainings; those that fail are logged, and stay."""
    sent = 0
    for backlog in backlogs(root):
        with BestEffort(f"a try to send {backlog.folder}, which stays,"):
            backlog.send(client)
            sent += 1
    return sent


def run_of(client: Any, model: str, training_id: str) -> str:
    """The id of the newest run of a training, which is made if there is none."""
    experiment = experiment_of(client, model)
    found = client.search_runs([experiment], f"tags.{TRAINING_ID} = '{training_id}'", max_results=1)
    run = found[0] if found else client.create_run(experiment, tags={TRAINING_ID: training_id})
    return str(run.info.run_id)


def experiment_of(client: Any, model: str) -> str:
    """The id of a model's experiment, which is made if there is none."""
    known = client.get_experiment_by_name(model)
    return str(known.experiment_id if known else client.create_experiment(model, _artifacts(client.tracking_uri)))


def _artifacts(uri: str) -> str | None:
    """A folder beside the database file, instead of the current folder; None for a server, which has its own."""
    return str(Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts") if uri.startswith("sqlite:///") else None


def send(client: Any, run: str, entry: Entry) -> None:
    """Add an entry to a run. Errors of MLflow are raised."""
    from mlflow.entities import Metric, Param, RunTag

    if entry.metrics or entry.params or entry.tags:
        client.log_batch(
            run,
            metrics=[Metric(name, value, entry.at, entry.step) for name, value in entry.metrics.items()],
            params=[Param(name, value) for name, value in entry.params.items()],
            tags=[RunTag(name, value) for name, value in entry.tags.items()],
        )
    if entry.status:
        client.set_terminated(run, entry.status, end_time=entry.at)
