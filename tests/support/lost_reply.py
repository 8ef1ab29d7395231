"""A proxy before S3 that drops the first successful reply."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def first_reply_lost(port: int) -> Iterator[int]:
    """Run such a proxy before the server at ``port``, and yield the proxy's port."""
    lost = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening, port, lost), daemon=True).start()
        yield listening.getsockname()[1]
    assert lost.is_set(), "no request came through the proxy"


def _serve(listening: socket.socket, port: int, lost: threading.Event) -> None:
    with suppress(OSError):  # closed after the test
        while True:
            near, _ = listening.accept()
            far = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=_requests, args=(near, far), daemon=True).start()
            threading.Thread(target=_replies, args=(far, near, lost), daemon=True).start()


def _requests(near: socket.socket, far: socket.socket) -> None:
    with suppress(OSError):
        while sent := near.recv(65536):
            far.sendall(sent)


def _replies(far: socket.socket, near: socket.socket, lost: threading.Event) -> None:
    with suppress(OSError):
        while reply := far.recv(65536):
            if reply.startswith(b"HTTP/1.1 200") and not lost.is_set():
                lost.set()
                break
            near.sendall(reply)
    for end in (near, far):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
