"""The configuration of an environment: files in ``conf/``, parsed once into frozen models."""

from headrace.config.load import ConfigSource, home, load, merged
from headrace.config.settings import (
    BACKENDS,
    Alerts,
    Config,
    Evaluation,
    Kubernetes,
    Links,
    Notifier,
    PodResources,
    Quality,
    Retention,
    Size,
    Spark,
    Training,
)

__all__ = [
    "BACKENDS",
    "Alerts",
    "Config",
    "ConfigSource",
    "Evaluation",
    "Kubernetes",
    "Links",
    "Notifier",
    "PodResources",
    "Quality",
    "Retention",
    "Size",
    "Spark",
    "Training",
    "home",
    "load",
    "merged",
]
