"""A real PostgreSQL server for tests, from Debian's package."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Postgres:
    """A PostgreSQL server whose files are in ``folder``, on a port of the loopback address."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql+psycopg2://airflow@127.0.0.1:{self.port}/postgres"

    def control(self, *arguments: str) -> None:
        """Run ``pg_ctl``, and wait until it is done."""
        line = [str(programs() / "pg_ctl"), "-D", str(self.folder / "data"), "-w", *arguments]
        subprocess.run(self._as_other_user(line), check=True, stdout=subprocess.DEVNULL)

    def create(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        initdb = [str(programs() / "initdb"), "-D", str(self.folder / "data"), "-U", "airflow", "-A", "trust", "-N"]
        subprocess.run(self._as_other_user(initdb), check=True, stdout=subprocess.DEVNULL)
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off -c max_connections=200"
        self.control("-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self.control("-m", "immediate", "stop")

    def _as_other_user(self, line: list[str]) -> list[str]:
        """PostgreSQL refuses to run as root: root runs it as Debian's user ``postgres``."""
        if os.geteuid() != 0:
            return line
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *line]


def programs() -> Path:
    """Where Debian keeps the programs of the newest PostgreSQL server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert found, "PostgreSQL's server is not installed: apt-get install postgresql"
    return found[-1]
