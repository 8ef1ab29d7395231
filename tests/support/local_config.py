"""The local environment as the tests run it. It imports neither Spark nor the use case."""

from __future__ import annotations

from pathlib import Path

from headrace import config as configuration
from headrace.config import Config

from tests.support import PROJECT

TWO_RANKS = {"ranks": 2}  # conf/local.yaml has one, which is faster but tests nothing that ranks exchange


def local_config(root: Path | None = None) -> Config:
    """The configuration of the local environment, with two ranks; everything is kept below ``root``."""
    loaded = configuration.load("local", PROJECT / "conf", root=root or "")
    return loaded.model_copy(update={"training": loaded.training.model_copy(update=TWO_RANKS)})
