"""The settings of an environment, as frozen models.

Three axes are kept apart. The environment (local, staging, prod) says whose data this is, the backend says what runs a
job, and the cloud says where the storage is. Secrets are never in these settings: they are environment variables.
"""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, field_validator

from headrace.errors import ConfigError
from headrace.frozen import FrozenModel
from headrace.hints import nearest
from headrace.layout import Layout
from headrace.storage import Place, on_s3, place

# A path, or s3://bucket/folder.
PlaceSetting = Annotated[Place, BeforeValidator(place), PlainSerializer(str)]

# The backends that Headrace brings. Another one is named by its import path, "package.module:Class".
BACKENDS = {
    "local": "headrace.backends.local.backend:LocalBackend",
    "kubernetes": "headrace.backends.kubernetes.backend:KubernetesBackend",
}


class Spark(FrozenModel):
    """How a driver in this environment is started."""

    python: str = Field("", description="the Python of jobs, if it is not this process's")
    master: str = "local[2]"
    driver_memory: str = "3g"
    conf: dict[str, str] = {}


class Build(FrozenModel):
    """How a build cuts its work, and when a person is asked first."""

    chunk_mb: int = Field(1024, ge=1, description="MB of rows in memory that one commit is made from")
    file_mb: int = Field(64, ge=1, description="MB of a table's file; a day that has less is one file")
    confirm_days: int = Field(31, ge=1, description="a catch-up over more days of a table asks for --yes")


class Training(FrozenModel):
    ranks: int = Field(2, ge=1, description="Horovod processes, which share out the cores of their executors")
    threads: int | None = Field(None, ge=1, description="TensorFlow's threads of a rank; null is one for each core")
    batch_size: int = Field(1024, ge=1, description="rows of one update, over all ranks")
    local_steps: int = Field(1, ge=1, description="steps of a rank before the ranks average their weights")
    max_epochs: int = Field(12, ge=1)
    patience: int = Field(3, ge=1, description="epochs without a better validation loss before it stops")
    learning_rate: float = Field(1e-3, gt=0)
    rate_for_batch: int | None = Field(None, ge=1, description="batch size of that rate; a larger one scales the rate")
    weight_decay: float = Field(1e-3, ge=0)
    seed: int = Field(1, ge=0)
    start_timeout_seconds: int = Field(120, ge=1)
    deadline_minutes: int = Field(120, ge=1)


class Quality(FrozenModel):
    max_quarantined_share: float = Field(0.01, ge=0, le=1)


class Evaluation(FrozenModel):
    bootstrap_resamples: int = Field(1000, ge=100)
    confidence: float = Field(0.95, gt=0.5, lt=1)
    min_slice_positives: int = Field(100, ge=1)
    baseline_max_rows: int = Field(1_000_000, ge=1000, description="the most rows that a baseline is fitted on")
    baseline_memory_mb: int = Field(512, ge=16, description="the driver's memory for the sample and its copies, about")


class Links(FrozenModel):
    """The addresses at which a browser finds what jobs made."""

    pages: str = Field("", description="the server of data docs and reports, if it is not Airflow's /headrace")
    mlflow: str = Field("", description="MLflow's page; if empty, no link to it is shown")


class Notifier(FrozenModel):
    """One of Airflow's notifiers.

    Its arguments are templates that may use ``alert.title`` and ``alert.text``. They name a connection
    (``smtp_conn_id``, ``slack_conn_id``) and never hold a secret.
    """

    notifier: str = Field(description="its import path")
    arguments: dict[str, Any] = {}


class Alerts(FrozenModel):
    """The notifiers of failures: ``page`` wakes somebody up, ``mail`` is read in the morning."""

    page: tuple[Notifier, ...] = ()
    mail: tuple[Notifier, ...] = ()
    quiet_minutes: int = Field(60, ge=0, description="the same cause is sent once in this time")


KeptDays = Annotated[int | None, Field(ge=1)]


class Retention(FrozenModel):
    """After how many days maintenance removes what nothing needs any more; null keeps it for ever.

    The days count from the last write. What a version pins that passed the gate, or that is not judged, always stays.
    """

    leftovers: KeptDays = Field(7, description="trainings that registered no version, and partial files")
    refused_trainings: KeptDays = Field(90, description="shards of versions that the gate refused; the versions stay")
    superseded_files: KeptDays = Field(90, description="raw files that no delivery needs: withdrawn or restated")
    ledger: KeptDays = Field(400, description="rows of the ledger")
    spark_events: KeptDays = Field(30, description="Spark's event logs")
    results: KeptDays = Field(7, description="what jobs on a cluster handed on and no task removed")
    alerts: KeptDays = Field(30, description="marks of causes that were sent")
    data_docs: KeptDays = Field(90, description="pages of the data docs")


class PodResources(FrozenModel):
    """The CPUs and memory of a driver's or an executor's pod.

    The memory request and limit are both ``memory`` plus ``overhead``. The CPU request is ``cpu_request``, and the CPU
    limit is ``cores``.
    """

    cores: int = Field(1, ge=1, description="Spark tasks at a time, and the CPU limit")
    cpu_request: str = Field("500m", pattern=r"^\d+(\.\d+)?m?$", description="CPUs that must be free on the node")
    memory: str = Field("1g", pattern=r"^\d+[mg]$", description="the JVM's heap")
    overhead: str = Field("512m", pattern=r"^\d+[mg]$", description="memory beside the heap: Python, TensorFlow")


class Size(FrozenModel):
    """The pods of a stage on a cluster, and why they have this size."""

    reason: str = Field(min_length=1)
    driver: PodResources = PodResources()
    executor: PodResources = PodResources()
    executors: int = Field(1, ge=0)


class Kubernetes(FrozenModel):
    """Where jobs run as SparkApplications, and with which accounts.

    Secrets are named here and never held. ``environment`` lists Secrets of the namespace: each of their keys becomes an
    environment variable of the driver and the executors.
    """

    conn_id: str = Field("kubernetes_default", description="the Airflow connection to the cluster")
    namespace: str = "headrace-jobs"
    image: str = Field("docker.io/headrace/jobs:latest", description="HEADRACE_IMAGE overrides it")
    require_digest: bool = Field(False, description="refuse an image that is not named by its digest; for production")
    driver_account: str = "headrace-driver"
    executor_account: str = "headrace-executor"
    environment: tuple[str, ...] = ("headrace-s3",)
    spark_secret: str = Field("headrace-spark", description="the Secret that Spark's processes share")
    priority_class: str = "headrace-jobs"
    queue_timeout_seconds: int = Field(
        7200, ge=10, description="how long an application may wait for a quota, a queue or a free node"
    )
    start_timeout_seconds: int = Field(600, ge=10, description="the time from then on until the driver must run")
    by_hand_hours: float = Field(24, ge=0.01, description="how long the driver of a job that a person started may run")
    keep_seconds: int = Field(3600, ge=60, description="how long an application stays after its end")


class Config(FrozenModel):
    """All settings of one environment."""

    environment: str = Field(pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$", description="the name of the file")
    backend: str = Field("local", description="local, kubernetes, or package.module:Class")
    cloud: Literal["none", "aws"] = "none"
    use_case: str = Field(description="the package that declares feeds, tables and models")
    root: PlaceSetting
    inbox: PlaceSetting
    mlflow_uri: str = ""
    pool: str = Field("default_pool", description="the Airflow pool of jobs")
    spark: Spark = Spark()
    kubernetes: Kubernetes = Kubernetes()
    sizes: dict[str, Size] = Field(
        {}, description="by stage or file; `default` is for a stage or PySpark file without a size of its own"
    )
    build: Build = Build()
    training: Training = Training()
    quality: Quality = Quality()
    evaluation: Evaluation = Evaluation()
    links: Links = Links()
    alerts: Alerts = Alerts()
    retention: Retention = Retention()

    @field_validator("backend")
    @classmethod
    def _backend_is_known(cls, name: str) -> str:
        if name not in BACKENDS and ":" not in name:
            raise ValueError(f"no backend is called {name!r}. {nearest(name, BACKENDS)}")
        return name

    @field_validator("training")
    @classmethod
    def _each_rank_has_a_core(cls, training: Training, others: ValidationInfo) -> Training:
        size = others.data.get("sizes", {}).get("train") if others.data.get("backend") == "kubernetes" else None
        if size and training.ranks > size.executors * size.executor.cores:
            room = f"executors of sizes.train ({size.executors}) times their cores ({size.executor.cores})"
            raise ValueError(f"{training.ranks} ranks are more than the {room}")
        return training

    @field_validator("retention")
    @classmethod
    def _marks_outlive_the_quiet_time(cls, retention: Retention, others: ValidationInfo) -> Retention:
        alerts = others.data.get("alerts")
        if alerts and retention.alerts and retention.alerts * 24 * 60 < alerts.quiet_minutes:
            raise ValueError(f"alerts: {retention.alerts} days are less than alerts.quiet_minutes")
        return retention

    @property
    def layout(self) -> Layout:
        """Every path below ``root``."""
        return Layout(self.root)

    @property
    def tracking_uri(self) -> str:
        """MLflow's tracking URI: MLFLOW_TRACKING_URI, or ``mlflow_uri``, or a database file below the root.

        Raises:
            ConfigError: no URI is set, and the root is in S3.
        """
        if uri := os.environ.get("MLFLOW_TRACKING_URI") or self.mlflow_uri:
            return uri
        if on_s3(self.root):
            raise ConfigError("mlflow_uri is not set", "MLflow needs a server if `root` is in S3")
        return f"sqlite:///{self.layout.mlflow_database.absolute()}"
