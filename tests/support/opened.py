"""Which files below a folder this process opens."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_watched: list[tuple[Path, list[str]]] = []


@contextmanager
def files_opened(below: Path) -> Iterator[list[str]]:
    """The names of the files that are opened in the block, each as often as it is."""
    _watch()
    found: list[str] = []
    _watched.append((below, found))
    try:
        yield found
    finally:
        _watched.remove((below, found))


@cache
def _watch() -> None:
    """Python calls the hook before each ``open``, in all threads. It cannot be taken away, so it is set once."""
    sys.addaudithook(_note)


def _note(event: str, args: tuple[object, ...]) -> None:
    if event == "open" and isinstance(args[0], str | os.PathLike):
        for below, found in _watched:
            if Path(args[0]).is_relative_to(below):
                found.append(Path(args[0]).name)
