"""What all tests share: one SparkSession, and configurations that keep everything in a temporary folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from headrace.config import Config

from tests.support.local_config import local_config

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parent.parent
os.environ.setdefault("HEADRACE_JARS", str(ROOT / "build" / "jars"))
# The main module of a process of pytest-xdist has no file. PySpark takes that for a run of its doctests, and exits.
vars(sys.modules["__main__"]).setdefault("__file__", str(Path(pytest.__file__).with_name("__main__.py")))


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    from headrace.session import spark_session

    session = spark_session(local_config(), "tests")
    yield session
    session.stop()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The local environment with two ranks, kept below a temporary folder."""
    return local_config(tmp_path / "root").model_copy(update={"inbox": tmp_path / "inbox"})


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """The files of a trained model that a registry expects."""
    folder = tmp_path / "trained"
    folder.mkdir()
    (folder / "model.keras").write_bytes(b"weights" * 1000)
    (folder / "encoder.json").write_text("{}")
    return folder
