"""The folder with Great Expectations' results and data docs, on a disk or in S3."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from headrace.storage import Place, S3Path, download, for_each, upload


@contextmanager
def on_disk(docs: Place) -> Iterator[Path]:
    """The folder on this machine's disk. A folder in S3 is copied; new and changed files are uploaded after the block.

    Great Expectations writes only to a disk, and builds the first page from all results and pages that it finds.
    The first page is uploaded last, so that it never links to a missing page. A block that raises uploads nothing.
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
    """Each file below the folder with its size and time of modification, which show whether it was written."""
    found = ((path, path.stat()) for path in folder.rglob("*") if path.is_file())
    return {path: (stat.st_size, stat.st_mtime_ns) for path, stat in found}
