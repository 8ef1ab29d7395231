"""A proxy before S3 that holds each request for a while, as a network does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def slowed(port: int, seconds: float) -> Iterator[int]:
    """Run such a proxy before the server at ``port``, and yield the proxy's port."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        threading.Thread(target=_serve, args=(listening, port, seconds), daemon=True).start()
        yield listening.getsockname()[1]


def _serve(listening: socket.socket, port: int, seconds: float) -> None:
    with suppress(OSError):  # closed after the block
        while True:
            near, _ = listening.accept()
            far = socket.create_connection(("127.0.0.1", port))
            for one, other, delay in ((near, far, seconds), (far, near, 0.0)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=_pass_on, args=(one, other, delay), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket, delay: float) -> None:
    with suppress(OSError):
        while content := one.recv(1 << 18):
            time.sleep(delay)
            other.sendall(content)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)
