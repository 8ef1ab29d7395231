"""What Delta raises when two writers meet, in one place: none of these exceptions is a subclass of another."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headrace.errors import WriteConflictError
from headrace.storage import Place

ATTEMPTS, MAX_PAUSE_SECONDS = 20, 10.0  # of a write that meets other writers


def pause(attempt: int) -> None:
    """Wait before the next try, longer each time. Chance keeps two writers from meeting again and again."""
    time.sleep(random.uniform(0, min(2.0**attempt, MAX_PAUSE_SECONDS)))


def retried(path: Place, write: Callable[[], object]) -> None:
    """Write, and write again while other writers come first. The write must be right whatever they wrote.

    Raises:
        WriteConflictError: it met other writers too often.
    """
    for attempt in range(ATTEMPTS):
        try:
            with conflicts_of(path):
                write()
            return
        except WriteConflictError:
            if attempt == ATTEMPTS - 1:
                raise
            pause(attempt)


@contextmanager
def conflicts_of(path: Place) -> Iterator[None]:
    """Translate Delta's conflicts in the block. Every write to a table goes through it.

    Raises:
        WriteConflictError: another writer committed to the table at the same time; nothing of the block is committed.
    """
    from delta import exceptions as delta

    family = (
        delta.ConcurrentAppendException,
        delta.ConcurrentDeleteDeleteException,
        delta.ConcurrentDeleteReadException,
        delta.ConcurrentTransactionException,
        delta.ConcurrentWriteException,
        delta.DeltaConcurrentModificationException,
        delta.MetadataChangedException,
        delta.ProtocolChangedException,
    )
    try:
        yield
    except family as conflict:
        raise WriteConflictError(
            f"another writer changed {path} at the same time ({type(conflict).__name__})", "Run it again"
        ) from conflict
