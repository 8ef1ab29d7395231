"""The requests that an S3 server answers, and what each is about."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from tests.support.s3_server import Server

KINDS = {
    "commit": r"_delta_log/\d{20}\.json$",
    "checkpoint": r"_delta_log/.*checkpoint",
    "log": r"_delta_log",
    "data": r"\.parquet",
    "index": r"_headrace/",
    "landing log": r"_landings/",
    "landed file": r"/raw/",
    "ledger": r"/ledger/",
    "comparison of code": r"/verified/",
}


class Request(NamedTuple):
    """A request of S3: its method, and the object that it is about. LIST is about the objects whose keys begin so."""

    method: str
    key: str

    @property
    def kind(self) -> str:
        """The method, and what part of a lake the object is."""
        return f"{self.method} {next((kind for kind, key in KINDS.items() if re.search(key, self.key)), 'other')}"


@contextmanager
def requests_to(server: Server) -> Iterator[list[Request]]:
    """The requests that the server answers in the block, once the block has ended."""
    found: list[Request] = []
    begin = server.log.stat().st_size
    yield found
    with server.log.open("rb") as log:
        log.seek(begin)
        lines = log.read().decode().splitlines()
    found += [_parsed(line) for line in lines if line.count(" | ") >= 7]


def by_kind(requests: Iterable[Request]) -> dict[str, int]:
    """How many requests there are of each kind, the most first."""
    return dict(Counter(request.kind for request in requests).most_common())


def _parsed(line: str) -> Request:
    """Read a line of versitygw's log: ``19:36:37 | vgw | 200 | 454µs | 127.0.0.1 | GET | /bucket/key | - | query``."""
    _, _, _, _, _, method, path, _, query = (part.strip() for part in line.split(" | ", 8))
    prefix = parse_qs(query).get("prefix")
    return Request("LIST", prefix[0]) if prefix else Request(method, unquote(path).partition("/")[2].partition("/")[2])
