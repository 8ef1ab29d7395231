"""A bucket on a real S3 server that is some milliseconds away."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from headrace.storage import S3Path
from headrace.storage.client import client

from tests.support import s3_server
from tests.support.faulty_s3 import Faults, between

FOLDER = Path("build/bench/s3")


@contextmanager
def far_bucket(name: str) -> Iterator[tuple[S3Path, Callable[[float], None], s3_server.Server]]:
    """An empty bucket, a function that says how many seconds away it is, 0 at first, and the bucket's own server.

    This process's environment names the proxy before the server as the S3 server.
    """
    folder = FOLDER.absolute() / name
    shutil.rmtree(folder, ignore_errors=True)
    buckets = folder / "buckets"  # the server keeps its log and the versions of objects beside it
    buckets.mkdir(parents=True)
    with s3_server.running(buckets, "key", uuid.uuid4().hex) as server, _proxy(server.port) as (port, be_away):
        os.environ |= server.variables | {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}"}
        client.cache_clear()
        client().create_bucket(Bucket=name)
        yield S3Path(name), be_away, server
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _proxy(server: int) -> Iterator[tuple[int, Callable[[float], None]]]:
    """Run the proxy in a process of its own: delta-rs waits for S3 without letting other Python threads run."""
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(server, its))
    process.start()
    its.close()  # if the process dies, receiving fails instead of waiting
    try:
        yield ours.recv(), ours.send
    finally:
        process.terminate()
        process.join()


def _serve(server: int, orders: Connection) -> None:
    """Tell the proxy's port, and then hold each request for as many seconds as the newest order says."""
    faults = Faults()
    with between(server, faults) as port:
        orders.send(port)
        while True:
            faults.delay = orders.recv() / 2  # once on the way there, and once on the way back
