"""Epochs as they end: rank 0 appends a line to a file, and the driver follows it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Epoch = dict[str, Any]
POLL_SECONDS = 0.2


def append(path: Path, epoch: Epoch) -> None:
    """Add one line of JSON."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(epoch) + "\n")


def read(path: Path) -> list[Epoch]:
    """All epochs so far; a line that is not whole yet does not count."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


@contextmanager
def following(path: Path, on_epoch: Callable[[Epoch], None]) -> Iterator[None]:
    """Call ``on_epoch`` with each epoch that is appended to ``path`` while the block runs, from a thread of its own.

    An error in ``on_epoch`` ends the following, and is raised when the block has ended well.
    """
    done = threading.Event()
    errors: list[Exception] = []

    def follow() -> None:
        seen = 0
        try:
            while True:
                last = done.wait(POLL_SECONDS)
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
