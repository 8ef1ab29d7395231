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

PROJECT = Path(__file__).parents[2]
START_SECONDS = 30


@dataclass(frozen=True)
class Server:
    """Where it answers, and the variables by which AWS's clients find it and are let in."""

    key: str
    secret: str
    port: int
    host: str = "127.0.0.1"

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_ENDPOINT_URL_S3": self.address,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",  # no client waits for an answer of a machine that is not Amazon's
        }


def program() -> str:
    """The path of versitygw.

    Raises:
        FileNotFoundError: it is neither on PATH nor built with the tests' cluster.
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


@contextmanager
def running(folder: Path, key: str, secret: str, host: str = "127.0.0.1") -> Iterator[Server]:
    """The server, from when it answers to the end of the block; each folder in ``folder`` is a bucket."""
    server = Server(key, secret, _free_port(host), host)
    log = (folder.parent / f"{folder.name}.log").open("wb")
    process = subprocess.Popen(
        [program(), "--port", f"{host}:{server.port}", "posix", str(folder)],
        env={**os.environ, "ROOT_ACCESS_KEY": key, "ROOT_SECRET_KEY": secret},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        _wait(server, process, Path(log.name))
        yield server
    finally:
        process.terminate()
        process.wait()
        log.close()


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((server.host, server.port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"versitygw does not answer at {server.address}: {log.read_text()[-2000:]}")


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port
