"""Report epochs while training runs: rank 0 appends each to a file, and the driver follows the file."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from headrace import storage
from headrace.best_effort import BestEffort
from headrace.storage import Place, on_s3

Epoch = dict[str, Any]
POLL_SECONDS, POLL_SECONDS_IN_S3 = 0.2, 2.0


def append(path: Place, epoch: Epoch) -> None:
    """Append an epoch as one line of JSON. Only one process may append to a file."""
    storage.append(path, json.dumps(epoch))


def read(path: Place) -> list[Epoch]:
    """All epochs so far. A line that is not complete yet is skipped."""
    text = storage.read_text(path)
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def restart(path: Place, epochs: int) -> None:
    """Keep the first epochs only, because a training goes on after them. Without any, there is no file."""
    lines = storage.read_text(path).splitlines(keepends=True)[:epochs]
    if lines:
        storage.write(path, "".join(lines).encode())
    else:
        path.unlink(missing_ok=True)


@contextmanager
def following(path: Place, on_epoch: Callable[[Epoch], None]) -> Iterator[None]:
    """Call ``on_epoch`` for each epoch that is appended to ``path`` while the block runs, from another thread.

    After an error in ``on_epoch`` or in reading ``path``, no further epochs are followed. The error is logged, because
    the training does not depend on who follows it.
    """
    done = threading.Event()
    pause = POLL_SECONDS_IN_S3 if on_s3(path) else POLL_SECONDS

    def follow() -> None:
        seen = 0
        with BestEffort("what shows the next epochs"):
            while True:
                last = done.wait(pause)
                epochs = read(path)
                seen = seen if seen <= len(epochs) else 0  # the training began again
                for epoch in epochs[seen:]:
                    on_epoch(epoch)
                seen = len(epochs)
                if last:
                    return

    thread = threading.Thread(target=follow, name="epochs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
