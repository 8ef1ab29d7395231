"""Tell whether a file was written since, without reading it: by its size, and by a mark that each write changes."""

from __future__ import annotations

import time
from typing import NamedTuple

from headrace.storage.place import Place
from headrace.storage.s3path import S3Path

GRAIN_SECONDS = 2  # the coarsest clock of a file system


class Stamp(NamedTuple):
    """A file's size in bytes, and a mark that changes when the file is written.

    ``lasts`` is false if the file was written so lately that the file system may give a further write the same mark.
    """

    size: int
    mark: str
    lasts: bool


def stamp(of: Place) -> Stamp:
    """The stamp of a file as it is now. A path from a listing in S3 has the stamp that was listed.

    The mark is an object's ETag in S3. On a disk it is the time of the last change, as the file system keeps it. A
    program can set the time of the last modification, but not this one.

    Raises:
        FileNotFoundError: the file does not exist.
    """
    if isinstance(of, S3Path):
        seen = of.stat()
        return Stamp(seen.st_size, seen.etag, bool(seen.etag))
    on_disk = of.stat()
    return Stamp(on_disk.st_size, str(on_disk.st_ctime_ns), on_disk.st_ctime + GRAIN_SECONDS < time.time())
