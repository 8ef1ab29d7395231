"""Epochs as they end: rank 0 appends a line to a file, and the driver follows it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from headrace import storage
from headrace.storage import Place, on_s3

Epoch = dict[str, Any]
POLL_SECONDS, POLL_SECONDS_IN_S3 = 0.2, 2.0


def append(path: Place, epoch: Epoch) -> None:
    """Add one line of JSON; one process alone may do so."""
    storage.append(path, json.dumps(epoch))


def read(path: Place) -> list[Epoch]:
    """All epochs so far; a line that is not whole yet does not count."""
    text = storage.read_text(path)
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


@contextmanager
def following(path: Place, on_epoch: Callable[[Epoch], None]) -> Iterator[None]:
    """Call ``on_epoch`` with each epoch that is appended to ``path`` while the block runs, from a thread of its own.

    An error in ``on_epoch`` ends the following, and is raised when the block has ended well.
    """
    done = threading.Event()
    errors: list[Exception] = []
    pause = POLL_SECONDS_IN_S3 if on_s3(path) else POLL_SECONDS

    def follow() -> None:
        seen = 0
        try:
            while True:
                last = done.wait(pause)
                epochs = read(path)
                for epoch in epochs[seen:]:
                    on_epoch(epoch)
                seen = len(epochs)
                if last:
                    return
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=follow, name="epochs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    if errors:
        raise errors[0]
