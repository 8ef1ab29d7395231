"""Every path below an environment's root, each written once.

The packages ``landing``, ``lake`` and ``registry`` lay out what is inside of ``raw``, ``lake`` and ``models``.
"""

from __future__ import annotations

from dataclasses import dataclass

from headrace.storage import Place


@dataclass(frozen=True)
class TrainingFolder:
    """The files of one training that can be made again."""

    folder: Place

    @property
    def shards(self) -> Place:
        return self.folder / "shards"

    @property
    def encoder(self) -> Place:
        """The files of the encoder's large vocabularies."""
        return self.folder / "encoder"

    @property
    def network(self) -> Place:
        """The trained network and its epochs."""
        return self.folder / "network"

    @property
    def baselines(self) -> Place:
        return self.folder / "baselines"


@dataclass(frozen=True)
class Layout:
    """Where an environment keeps its files: folders below ``root``, on a disk or in a bucket."""

    root: Place

    @property
    def raw(self) -> Place:
        """Landed files, each day with its record."""
        return self.root / "raw"

    @property
    def tables(self) -> Place:
        """The Delta tables, one folder a schema."""
        return self.root / "lake"

    @property
    def staging(self) -> Place:
        """Rows that a running stage has computed and not yet published. Each stage has its own folder."""
        return self.root / "work" / "staging"

    def compared(self, table: str, code: str, how: str) -> Place:
        """Exists once ranges that this code built for a table were compared with days built alone, and ended so."""
        return self.root / "verified" / table / f"{code}.{how}.json"

    @property
    def models(self) -> Place:
        """Registered versions, verdicts and promotions."""
        return self.root / "models"

    @property
    def ledger(self) -> Place:
        """A JSON file for each run of a stage."""
        return self.root / "ledger"

    @property
    def trainings(self) -> Place:
        return self.root / "work" / "training"

    def training(self, training_id: str) -> TrainingFolder:
        return TrainingFolder(self.trainings / training_id)

    @property
    def reports(self) -> Place:
        return self.root / "reports"

    def report(self, model: str, version: int) -> Place:
        """The report on a version of a model."""
        return self.reports / model / f"{version:04d}.html"

    @property
    def data_docs(self) -> Place:
        """The pages of Great Expectations' results."""
        return self.root / "data_docs"

    @property
    def data_docs_site(self) -> Place:
        """The data docs themselves: a first page, and a folder for each day with runs."""
        return self.data_docs / "site"

    @property
    def data_docs_page(self) -> Place:
        """The first page of the data docs."""
        return self.data_docs_site / "index.html"

    @property
    def alerts(self) -> Place:
        """Marks of the causes that were sent recently."""
        return self.root / "alerts"

    @property
    def all_results(self) -> Place:
        return self.root / "results"

    def results(self, application: str) -> Place:
        """The results that the stages of an application on a cluster hand on."""
        return self.all_results / f"{application}.jsonl"

    @property
    def spark_events(self) -> Place:
        """Spark's event logs."""
        return self.root / "spark-events"

    @property
    def mlflow_database(self) -> Place:
        """MLflow's database file, where no server is configured."""
        return self.root / "mlflow.db"

    @property
    def mlflow_backlog(self) -> Place:
        """What MLflow missed of trainings, until it has got it."""
        return self.root / "mlflow_backlog"
