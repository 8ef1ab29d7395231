"""The folder in which Great Expectations keeps its results and data docs, wherever the environment keeps its files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from headrace.storage import Place, S3Path, download, for_each, upload


@contextmanager
def on_disk(docs: Place) -> Iterator[Path]:
    """The folder as one of this disk. Where it is in S3: a copy, whose new and changed files go there after the block.

    Great Expectations writes to disks alone, and makes the first page from all the results and pages that it finds.
    That page goes last, so that it leads to no page that is not there. A block that raises changes nothing.
    """
    if not isinstance(docs, S3Path):
        yield docs
        return
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        copy = Path(scratch)
        with suppress(FileNotFoundError):  # before the first suite has run
            download(docs, copy)
        before = _files(copy)
        yield copy
        changed = [path for path, seen in _files(copy).items() if before.get(path) != seen]
        for last in (False, True):
            chosen = [path for path in changed if (path.name == "index.html") == last]
            for_each(docs, lambda path: upload(path, docs / path.relative_to(copy)), chosen)


def _files(folder: Path) -> dict[Path, tuple[int, int]]:
    """Each file below, with what tells that it was written: its size and time."""
    found = ((path, path.stat()) for path in folder.rglob("*") if path.is_file())
    return {path: (stat.st_size, stat.st_mtime_ns) for path, stat in found}
