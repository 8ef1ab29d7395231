"""``conf/base.yaml`` and one file an environment, merged and validated once, at the door.

Three axes are kept apart: the environment (local, staging, prod) says whose data this is, the backend
says what runs a job, and the cloud says where storage lives. Secrets are never in these files: they come
from the process's environment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationInfo, field_validator

from headrace.errors import ConfigError
from headrace.storage import Place, on_s3, place
from headrace.yamlfile import line_of, nearest, read_mapping, validate

# A path, or s3://bucket/folder.
Kept = Annotated[Place, BeforeValidator(place), PlainSerializer(str)]


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Spark(Settings):
    """How a driver on this environment is started."""

    python: str = Field("", description="the jobs' Python, where it is another than this process's")
    master: str = "local[2]"
    driver_memory: str = "3g"
    shuffle_partitions: int = Field(4, ge=1)
    conf: dict[str, str] = {}


class Training(Settings):
    ranks: int = Field(2, ge=1, description="Horovod processes, each with one core")
    batch_size: int = Field(1024, ge=1, description="rows a rank takes in one step")
    max_epochs: int = Field(12, ge=1)
    patience: int = Field(3, ge=1, description="epochs without a better validation loss before it stops")
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-3, ge=0)
    seed: int = Field(1, ge=0)
    start_timeout_seconds: int = Field(120, ge=1)
    deadline_minutes: int = Field(120, ge=1)


class Quality(Settings):
    max_quarantined_share: float = Field(0.01, ge=0, le=1)


class Evaluation(Settings):
    bootstrap_resamples: int = Field(1000, ge=100)
    confidence: float = Field(0.95, gt=0.5, lt=1)
    min_slice_positives: int = Field(100, ge=1)
    baseline_max_rows: int = Field(1_000_000, ge=1000, description="rows that a baseline is fitted on at most")


class Links(Settings):
    """Under which addresses a browser finds what jobs made."""

    pages: str = Field("", description="what serves data docs and reports, where Airflow's /headrace does not")
    mlflow: str = Field("", description="MLflow's page; empty: no link to it is shown")


class Notifier(Settings):
    """One of Airflow's notifiers. Its arguments are templates that may use ``alert.title`` and ``alert.text``; they
    name a connection (``smtp_conn_id``, ``slack_conn_id``), and never hold a secret."""

    notifier: str = Field(description="its import path")
    arguments: dict[str, Any] = {}


class Alerts(Settings):
    """Who is told of a failure: ``page`` wakes somebody up, ``mail`` is read in the morning."""

    page: tuple[Notifier, ...] = ()
    mail: tuple[Notifier, ...] = ()
    quiet_minutes: int = Field(60, ge=0, description="the same cause is told once in so long")


class Container(Settings):
    """What a driver or an executor is given.

    Its memory limit is ``memory`` and ``overhead`` together, and it asks for all of it; of CPUs it asks for
    ``cpu_request`` and may use ``cores``.
    """

    cores: int = Field(1, ge=1, description="of Spark: tasks at a time; and the limit of its CPUs")
    cpu_request: str = Field("500m", pattern=r"^\d+(\.\d+)?m?$", description="CPUs that the node must have free")
    memory: str = Field("1g", pattern=r"^\d+[mg]$", description="the JVM's heap")
    overhead: str = Field("512m", pattern=r"^\d+[mg]$", description="beside it: Python, TensorFlow, off the heap")


class Size(Settings):
    """What a stage is given on a cluster, and why."""

    reason: str = Field(min_length=1)
    driver: Container = Container()
    executor: Container = Container()
    executors: int = Field(1, ge=0)


class Kubernetes(Settings):
    """Where and as whom jobs run as SparkApplications. What is secret is named here and never held: ``environment``
    lists Secrets of the namespace, each of whose keys becomes a variable of the driver and the executors."""

    conn_id: str = Field("kubernetes_default", description="of Airflow, to the cluster")
    namespace: str = "headrace-jobs"
    image: str = Field("docker.io/headrace/jobs:latest", description="HEADRACE_IMAGE goes before it")
    driver_account: str = "headrace-driver"
    executor_account: str = "headrace-executor"
    environment: tuple[str, ...] = ("headrace-s3",)
    spark_secret: str = Field("headrace-spark", description="Secret that its processes share, made by `make deploy`")
    priority_class: str = "headrace-jobs"
    start_timeout_seconds: int = Field(600, ge=10, description="the driver must run by then")
    keep_seconds: int = Field(3600, ge=60, description="one that ended, and that nobody deleted, stays so long")


class Config(Settings):
    """Everything that differs from one environment to another."""

    environment: str = Field(pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$", description="this file's own name")
    backend: Literal["local", "kubernetes"] = "local"
    cloud: Literal["none", "aws"] = "none"
    use_case: str = "flights"
    root: Kept
    inbox: Kept
    mlflow_uri: str = ""
    pool: str = Field("default_pool", description="of Airflow, that jobs run in")
    spark: Spark = Spark()
    kubernetes: Kubernetes = Kubernetes()
    sizes: dict[str, Size] = Field({}, description="by stage; `default` for a PySpark file that is no stage")
    training: Training = Training()
    quality: Quality = Quality()
    evaluation: Evaluation = Evaluation()
    links: Links = Links()
    alerts: Alerts = Alerts()

    @field_validator("training")
    @classmethod
    def _each_rank_has_a_core(cls, training: Training, others: ValidationInfo) -> Training:
        size = others.data.get("sizes", {}).get("train") if others.data.get("backend") == "kubernetes" else None
        if size and training.ranks > size.executors * size.executor.cores:
            room = f"executors of sizes.train ({size.executors}) times their cores ({size.executor.cores})"
            raise ValueError(f"{training.ranks} ranks are more than the {room}")
        return training

    @property
    def raw(self) -> Place:
        """Landed files, each with its record."""
        return self.root / "raw"

    @property
    def tables(self) -> Place:
        return self.root / "lake"

    @property
    def models(self) -> Place:
        return self.root / "models"

    @property
    def work(self) -> Place:
        """Shards and other files that a run can make again."""
        return self.root / "work"

    @property
    def ledger(self) -> Place:
        return self.root / "ledger"

    @property
    def data_docs(self) -> Place:
        return self.root / "data_docs"

    @property
    def data_docs_page(self) -> Place:
        """The first page of the data docs, where Great Expectations puts it."""
        return self.data_docs / "gx" / "uncommitted" / "data_docs" / "local_site" / "index.html"

    @property
    def tracking_uri(self) -> str:
        """MLflow's: that of MLFLOW_TRACKING_URI, of the file, or a database file of the root folder.

        Raises:
            ConfigError: none is named, and the root is in S3.
        """
        if named := os.environ.get("MLFLOW_TRACKING_URI") or self.mlflow_uri:
            return named
        if on_s3(self.root):
            raise ConfigError("mlflow_uri is not set", "MLflow needs a server, where `root` is in S3")
        return f"sqlite:///{(self.root / 'mlflow.db').absolute()}"


def home() -> Path:
    """The project's root folder, which relative paths begin at: HEADRACE_HOME, or where this process runs."""
    return Path(os.environ.get("HEADRACE_HOME", "."))


def load(environment: str = "", folder: Path | None = None, root: Place | str = "") -> Config:
    """Read the configuration of an environment.

    Left out, ``environment`` and ``folder`` come from HEADRACE_ENV and HEADRACE_CONF, then are ``local`` and
    ``conf`` of the project. ``root`` moves everything that the environment keeps to another place.

    Raises:
        ConfigError: an unknown key or environment, or a wrong value; names file and line.
    """
    environment = environment or os.environ.get("HEADRACE_ENV", "local")
    folder = folder or Path(os.environ.get("HEADRACE_CONF") or home() / "conf")
    base, chosen = folder / "base.yaml", folder / f"{environment}.yaml"
    if not base.exists():
        raise ConfigError(f"{base} does not exist", "Run this in the project's root folder, or set HEADRACE_CONF")
    if chosen == base or not chosen.exists():
        known = [p.stem for p in folder.glob("*.yaml") if p.stem != "base"]
        raise ConfigError(f"no environment is called {environment!r} in {folder}", nearest(environment, known))
    content = merged(read_mapping(base, ConfigError), read_mapping(chosen, ConfigError))
    if root:
        content["root"] = str(root)
    config = validate(Config, content, [base, chosen], ConfigError)
    if config.environment != environment:  # a copied file: staging must never work on the data of prod
        where = f"{chosen}:{line_of(chosen, ['environment']) or 1}"
        raise ConfigError(f"{where}: environment is {config.environment!r}", f"In this file it must be {environment!r}")
    return config


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``base`` with the keys of ``over`` laid over it, mapping by mapping."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result
