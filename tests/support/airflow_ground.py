"""A project of its own with a running Airflow: what the tests of tests/airflow work on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import JOBS_PYTHON, PROJECT, airflow
from tests.support.airflow_api import Airflow
from tests.support.mail import Mails

SECRET = "hush-7f3a91"
BUILT = "2013-02-10..2013-02-12"  # the days that Airflow itself builds, after those of the shared lake


@dataclass(frozen=True)
class Ground:
    """A running Airflow, the project whose DAGs it runs, and the mails that it has sent."""

    airflow: Airflow
    project: Path
    mails: Mails

    @property
    def dags(self) -> Path:
        return self.project / "dags"

    @property
    def root(self) -> Path:
        """The folder below which the project's jobs keep the lake and everything else."""
        return self.project / "build" / "local"

    def delivered(self, feed: str, day: str) -> Path:
        """The file that a feed delivered for a day."""
        return self.project / "build" / "inbox" / feed / day / f"{feed}.csv.gz"

    def versions(self) -> dict[str, int]:
        """The Delta version of each table."""
        line = [str(JOBS_PYTHON), "tests/support/lake_versions.py", str(self.root / "lake")]
        printed = subprocess.run(line, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
        return {table: int(version) for table, version in map(str.split, printed.splitlines())}


@contextmanager
def running(folder: Path, mails: Mails) -> Iterator[Ground]:
    """Lay out a small project, and run an Airflow on it until the block ends."""
    project = folder / "project"
    subprocess.run([str(JOBS_PYTHON), "-m", "tests.support.airflow_project", str(project)], cwd=PROJECT, check=True)
    connection = f"smtp://user:{SECRET}@127.0.0.1:{mails.port}/?disable_ssl=true&disable_tls=true&retry_limit=1"
    settings = {"AIRFLOW_CONN_MAIL": connection, "OBJECT_STORE_SECRET": SECRET}
    with airflow.running(folder / "airflow", project, **settings) as started:
        started.unpause("flights_daily", "flights_train", "flights_rebuild")
        yield Ground(started, project, mails)
