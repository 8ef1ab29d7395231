"""Count the requests that this process sends to S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headrace.storage import client as clients


@contextmanager
def counting_requests() -> Iterator[list[str]]:
    """The operations of the requests that are sent in the block."""
    sent: list[str] = []

    def count(request: Any, **_: Any) -> None:
        sent.append(f"{request.method} {request.url}")

    events = clients.client().meta.events
    events.register("before-send.s3", count)
    try:
        yield sent
    finally:
        events.unregister("before-send.s3", count)
