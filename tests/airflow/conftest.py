"""One real Airflow for all tests of a session, on a lake of forty days of some carriers that it has built itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import live
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

JOBS_PYTHON = live.PROJECT / ".venv" / "bin" / "python"
SECRET = "hush-7f3a91"
BUILT = "2013-01-01..2013-01-31"


class Mails:
    """A real SMTP server that keeps what it is sent."""

    def __init__(self) -> None:
        self.received: list[Message[str, str]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.received.append(message_from_bytes(envelope.content))
        return "250 OK"

    def about(self, text: str) -> list[str]:
        """The texts of the mails whose subject has ``text``."""
        found = [mail for mail in self.received if text in str(mail["Subject"]).replace("\n", "")]
        return [body(mail) for mail in found]


def knows_the_secret(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: LoginPassword) -> AuthResult:
    return AuthResult(success=given.password == SECRET.encode(), handled=False)


def body(mail: Message[str, str]) -> str:
    parts = [part for part in mail.walk() if part.get_content_maintype() == "text"]
    return "".join(part.get_payload(decode=True).decode() for part in parts)  # type: ignore[union-attr]


@dataclass(frozen=True)
class Ground:
    """What the tests stand on."""

    airflow: live.Airflow
    project: Path
    mails: Mails

    @property
    def dags(self) -> Path:
        return self.project / "dags"

    @property
    def root(self) -> Path:
        """Where the project keeps what it makes."""
        return self.project / "build" / "local"

    def delivered(self, feed: str, day: str) -> Path:
        """The file that a feed delivered for a day."""
        return self.project / "build" / "inbox" / feed / day / f"{feed}.csv.gz"

    def versions(self) -> dict[str, int]:
        """The Delta version of each table."""
        line = [str(JOBS_PYTHON), "tests/lake_versions.py", str(self.root / "lake")]
        told = subprocess.run(line, cwd=live.PROJECT, capture_output=True, text=True, check=True).stdout
        return {table: int(version) for table, version in map(str.split, told.splitlines())}


@pytest.fixture(scope="session")
def mails() -> Iterator[tuple[Mails, int]]:
    kept, port = Mails(), live.free_port()
    controller = Controller(
        kept, hostname="127.0.0.1", port=port, authenticator=knows_the_secret, auth_require_tls=False
    )
    controller.start()
    yield kept, port
    controller.stop()


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory, mails: tuple[Mails, int]) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("live")
    project = folder / "project"
    made = [str(JOBS_PYTHON), "tests/airflow/project.py", str(project)]
    subprocess.run(made, cwd=live.PROJECT, check=True)
    connection = f"smtp://user:{SECRET}@127.0.0.1:{mails[1]}/?disable_ssl=true&disable_tls=true&retry_limit=1"
    settings = {"AIRFLOW_CONN_MAIL": connection, "OBJECT_STORE_SECRET": SECRET}
    with live.running(folder / "airflow", project, **settings) as airflow:
        airflow.unpause("flights_daily", "flights_train", "flights_rebuild")
        yield Ground(airflow, project, mails[0])


@pytest.fixture(scope="session")
def built(ground: Ground) -> Ground:
    """The lake with its first days, and a champion."""
    rebuilt = ground.airflow.trigger("flights_rebuild", days=BUILT)
    tasks = ground.airflow.run("flights_rebuild", rebuilt)
    assert {name: task["state"] for name, task in tasks.items()} == {
        "land": "success", "build": "success", "score": "failed",  # nothing can score before a model is trained
    }  # fmt: skip
    trained = ground.airflow.trigger("flights_train", days=BUILT.split("..")[1])
    tasks = ground.airflow.run("flights_train", trained)
    assert {task["state"] for task in tasks.values()} == {"success"}
    return ground
