"""Inspect a delivered file: whether it is complete, how many rows it has, and which columns."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from headrace.declare.formats import Csv
from headrace.errors import BadInputError
from headrace.frozen import FrozenModel
from headrace.landing.cells import AGAIN, Counted, counted

_CHUNK = 1 << 20


class Delivered(FrozenModel):
    """A delivered file. Its size in ``bytes`` and its digest ``sha256`` describe it as delivered.

    Attributes:
        stored: the file's name in the raw area.
        sha256: empty if the file landed by reference, and S3 keeps no such digest.
        rows: the number of rows after the header, without blank lines. None if the file landed by
            reference: nobody has counted them.
        stamp: what changes when the file is written in the inbox; see ``storage.stamp``. It is empty if a further
            write could leave it as it was, and in records of earlier versions of Headrace.
        newlines: whether a quoted cell has line ends, or may have: Spark then reads the file as a whole. It is False in
            records of earlier versions of Headrace, which counted lines.
        dialect: how its text is written, if not as RFC 4180 says; see ``declare.formats.Csv``.
        version: S3's name for the version that was copied, if the file landed by reference.
    """

    name: str
    stored: str = ""
    bytes: int
    sha256: str
    rows: int | None
    columns: tuple[str, ...]
    stamp: str = ""
    newlines: bool = False
    dialect: str = ""
    version: str = ""

    @property
    def content(self) -> str:
        """What identifies the bytes: the digest, or S3's ETag."""
        return self.sha256 or self.stamp

    @property
    def meaning(self) -> str:
        """What identifies the rows: the bytes, and how they are read."""
        return "".join([self.content, self.dialect, "newlines" if self.newlines else ""])


def inspect(path: Path, dialect: Csv, delivered_as: str = "", *, may_be_empty: bool = False) -> Delivered:
    """Read a CSV file (plain, .gz or .zip) to its end.

    Args:
        delivered_as: the file's name in errors, where ``path`` is a copy.
        may_be_empty: whether a file without rows, or without anything, is accepted.

    Raises:
        BadInputError: it is empty, truncated or corrupt. Or it has bytes that its encoding does not have, or a quote
            that is not closed.
    """
    known_as = delivered_as or str(path)
    found = counted(contents(path, known_as), dialect, known_as)
    if not (may_be_empty or (found and found.rows)):
        what = "has a header and no rows" if found else "is empty"
        raise BadInputError(f"{known_as} {what}", f'{AGAIN}. If a day may have no rows, declare empty="allow"')
    found = found or Counted((), 0, newlines=False)
    return Delivered(
        name=path.name,
        bytes=path.stat().st_size,
        sha256=digest(path),
        rows=found.rows,
        columns=found.columns,
        newlines=found.newlines,
        dialect=dialect.name,
    )


def stored_name(digest: str, name: str) -> str:
    """The name of a file in the raw area. Spark takes brackets, braces and stars of a name for a pattern."""
    return f"{digest[:12]}-{re.sub(r'[^A-Za-z0-9._-]', '_', name)}"


def contents(path: Path, delivered_as: str = "") -> Iterator[bytes]:
    """The file's content in chunks, uncompressed.

    Raises:
        BadInputError: it is truncated or corrupt.
    """
    known_as = delivered_as or str(path)
    try:
        with uncompressed(path, known_as) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except (
        EOFError,
        zlib.error,
        gzip.BadGzipFile,
        zipfile.BadZipFile,
        RuntimeError,
    ) as broken:  # RuntimeError: encrypted
        raise BadInputError(f"{known_as} is truncated or corrupt ({broken})", AGAIN) from None


@contextmanager
def uncompressed(path: Path, known_as: str) -> Iterator[IO[bytes]]:
    """Open a plain, .gz or .zip file to read its uncompressed content. A .zip must hold one member."""
    if path.suffix == ".gz":
        with gzip.open(path, "rb") as stream:
            yield io.BufferedReader(stream)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise BadInputError(f"{known_as} holds {len(names)} files", "Deliver one file in each zip archive")
            with archive.open(names[0]) as member:
                yield member
    else:
        with path.open("rb") as plain:
            yield plain


def digest(path: Path) -> str:
    """SHA-256 of the file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
