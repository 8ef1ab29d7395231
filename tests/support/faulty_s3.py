"""A proxy before S3 that is far away, loses replies, and refuses requests, by chance."""

from __future__ import annotations

import random
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

REQUEST = re.compile(rb"(GET|HEAD|PUT|POST|DELETE) /")
SLOW_DOWN = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: 49\r\nConnection: close\r\n\r\n"
    b"<Error><Code>SlowDown</Code><Message/></Error>   "
)


@dataclass
class Faults:
    """What happens between a client and the server.

    Attributes:
        delay: the seconds for which each chunk is held, in both directions.
        lost: the share of requests that the server fulfils, but whose reply is lost with the connection.
        refused: the share of requests that the proxy answers with 503.
        seen: how often each fault happened.
        chunks: the size in bytes of each chunk that passed, in both directions.
    """

    delay: float = 0.0
    lost: float = 0.0
    refused: float = 0.0
    seen: Counter[str] = field(default_factory=Counter)
    chunks: list[int] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def of_a_request(self) -> str:
        drawn = self.chance.random()
        fault = "lost" if drawn < self.lost else "refused" if drawn < self.lost + self.refused else ""
        self.seen[fault] += 1
        return fault


@contextmanager
def between(port: int, faults: Faults) -> Iterator[int]:
    """Run the proxy before the server at ``port``, and yield the proxy's port."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        threading.Thread(target=_serve, args=(listening, port, faults), daemon=True).start()
        yield listening.getsockname()[1]


def _serve(listening: socket.socket, port: int, faults: Faults) -> None:
    with suppress(OSError):  # closed after the test
        while True:
            near, _ = listening.accept()
            connection = _Connection(near, socket.create_connection(("127.0.0.1", port)), faults)
            for work in (connection.requests, connection.replies):
                threading.Thread(target=work, daemon=True).start()


class _Connection:
    def __init__(self, near: socket.socket, far: socket.socket, faults: Faults) -> None:
        self.near, self.far, self.faults = near, far, faults
        self.reply_is_lost = False
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def requests(self) -> None:
        with suppress(OSError):
            while sent := self.near.recv(1 << 16):
                self.faults.chunks.append(len(sent))
                fault = self.faults.of_a_request() if REQUEST.match(sent) else ""
                time.sleep(self.faults.delay)
                if fault == "refused":
                    self.refuse()
                    break
                self.reply_is_lost |= fault == "lost"
                self.far.sendall(sent)
        self.close()

    def refuse(self) -> None:
        self.near.sendall(SLOW_DOWN)
        self.near.shutdown(socket.SHUT_WR)
        while self.near.recv(1 << 16):  # a reset would lose the answer
            pass

    def replies(self) -> None:
        with suppress(OSError):
            while reply := self.far.recv(1 << 16):
                self.faults.chunks.append(len(reply))
                time.sleep(self.faults.delay)
                if self.reply_is_lost and not reply.startswith(b"HTTP/1.1 100"):
                    break
                self.near.sendall(reply)
        self.close()

    def close(self) -> None:
        for end in (self.near, self.far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
