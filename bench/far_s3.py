"""A bucket on a real S3 server that is some milliseconds away."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.storage import S3Path
from headrace.storage.client import client

from tests.support import s3_server
from tests.support.faulty_s3 import Faults, between

FOLDER = Path("build/bench/s3")


@contextmanager
def far_bucket(name: str, away_seconds: float) -> Iterator[tuple[S3Path, Faults]]:
    """An empty bucket on a server of its own, behind a proxy that holds each request for ``away_seconds``.

    The proxy's faults may be changed while it runs. This process's environment names the proxy as the S3 server.
    """
    folder = FOLDER.absolute() / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    faults = Faults(away_seconds / 2)  # once on the way there, and once on the way back
    with (
        s3_server.running(folder, "key", uuid.uuid4().hex) as server,
        between(server.port, faults) as port,
    ):
        os.environ |= server.variables | {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}"}
        client.cache_clear()
        client().create_bucket(Bucket=name)
        yield S3Path(name), faults
    shutil.rmtree(folder, ignore_errors=True)
