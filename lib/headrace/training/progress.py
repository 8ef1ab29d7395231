"""Report epochs while training runs: rank 0 writes them to a file after each, and the driver follows the file."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from headrace import storage
from headrace.best_effort import BestEffort
from headrace.storage import Place, on_s3

Epoch = dict[str, Any]
POLL_SECONDS, POLL_SECONDS_IN_S3 = 0.2, 2.0


def write(path: Place, epochs: Sequence[Epoch]) -> None:
    """Write all epochs so far, one line of JSON each. Readers never see a part of the file."""
    storage.write(path, "".join(f"{json.dumps(epoch)}\n" for epoch in epochs).encode())


def read(path: Place) -> list[Epoch]:
    """All epochs so far; none if there is no file."""
    return [json.loads(line) for line in storage.read_text(path).splitlines()]


@contextmanager
def following(path: Place, on_epoch: Callable[[Epoch], None]) -> Iterator[None]:
    """Call ``on_epoch`` for each epoch that is added to ``path`` while the block runs, from another thread.

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
                for epoch in read(path)[seen:]:
                    on_epoch(epoch)
                    seen += 1
                if last:
                    return

    thread = threading.Thread(target=follow, name="epochs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
