"""A real S3 server for tests: versitygw on a folder, at a port of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import PROJECT
from tests.support.ports import free_port

START_SECONDS = 30


@dataclass
class Server:
    """A server at ``port`` that accepts one key. Each folder in ``folder`` is a bucket, which may keep versions."""

    folder: Path
    key: str
    secret: str
    port: int
    host: str = "127.0.0.1"

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        """The environment in which AWS's clients find the server and log in."""
        return {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_ENDPOINT_URL_S3": self.address,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",  # else clients wait for a service that only Amazon's machines have
        }

    def start(self) -> None:
        """Start the server, and return once it answers."""
        versions = self.folder.with_name(f"{self.folder.name}.versions")
        versions.mkdir(exist_ok=True)
        at = ["--port", f"{self.host}:{self.port}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [program(), *at, "posix", "--versioning-dir", str(versions), str(self.folder)],
                env={**os.environ, "ROOT_ACCESS_KEY": self.key, "ROOT_SECRET_KEY": self.secret},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex((self.host, self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"versitygw does not answer at {self.address}: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    @property
    def log(self) -> Path:
        return self.folder.parent / f"{self.folder.name}.log"


@contextmanager
def running(folder: Path, key: str, secret: str, host: str = "127.0.0.1") -> Iterator[Server]:
    """Run a server until the block ends."""
    server = Server(folder, key, secret, free_port(host), host)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def program() -> str:
    """The path of versitygw.

    Raises:
        FileNotFoundError: versitygw is neither on PATH nor among the programs of the tests' cluster.
    """
    if found := shutil.which("versitygw"):
        return found
    cluster = Path(os.environ.get("HEADRACE_SHARED") or PROJECT.parent / "shared").absolute() / "cluster" / "cluster"
    folder = ""
    if cluster.exists():
        folder = subprocess.run([cluster, "bin"], capture_output=True, text=True, check=True).stdout.strip()
        if found := shutil.which("versitygw", path=folder):
            return found
    raise FileNotFoundError(
        f"no versitygw on PATH, nor by {cluster}. Set HEADRACE_SHARED to the folder with cluster/, then run "
        "`$HEADRACE_SHARED/cluster/cluster up` once, or `go install github.com/versity/versitygw/cmd/versitygw@latest`"
    )
