"""Inspect a delivered file: whether it is complete, how many rows it has, and which columns."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from headrace.errors import BadInputError
from headrace.frozen import FrozenModel

AGAIN = "Ask the feed's owner to deliver it again, then land the day again"
_CHUNK = 1 << 20
_BLANK = bytes(range(33))  # what Java's trim removes: Spark skips a line of nothing else


class Delivered(FrozenModel):
    """A delivered file. Its size in ``bytes`` and its digest ``sha256`` describe it as delivered.

    Attributes:
        stored: the file's name in the raw area.
        sha256: empty if the file landed by reference, and S3 keeps no such digest.
        rows: the number of lines after the header that Spark reads, which skips blank ones. None if the file landed by
            reference: nobody has counted them.
        stamp: what changes when the file is written in the inbox; see ``storage.stamp``. It is empty if a further
            write could leave it as it was, and in records of earlier versions of Headrace.
        version: S3's name for the version that was copied, if the file landed by reference.
    """

    name: str
    stored: str = ""
    bytes: int
    sha256: str
    rows: int | None
    columns: tuple[str, ...]
    stamp: str = ""
    version: str = ""

    @property
    def content(self) -> str:
        """What identifies the content: the digest, or S3's ETag."""
        return self.sha256 or self.stamp


def inspect(path: Path, delivered_as: str = "") -> Delivered:
    """Read a CSV file (plain, .gz or .zip) to its end.

    Args:
        delivered_as: the file's name in errors, where ``path`` is a copy.

    Raises:
        BadInputError: it is empty, truncated, corrupt or not UTF-8, or has a header and no rows.
    """
    known_as = delivered_as or str(path)
    lines = lines_in(contents(path, known_as))
    header = next(lines, None)
    if header is None:
        raise BadInputError(f"{known_as} is empty", AGAIN)
    rows = sum(1 for _ in lines)
    if rows == 0:
        raise BadInputError(f"{known_as} has a header and no rows", "If the day truly had none, deliver no file for it")
    columns = columns_in(header, known_as)
    return Delivered(name=path.name, bytes=path.stat().st_size, sha256=digest(path), rows=rows, columns=columns)


def columns_in(header: bytes, known_as: str) -> tuple[str, ...]:
    """The columns that a header line names.

    Raises:
        BadInputError: it is not UTF-8.
    """
    try:
        first = header.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInputError(f"{known_as} is not UTF-8", "Have it delivered as UTF-8, then land the day again") from None
    return tuple(next(csv.reader([first.rstrip("\r\n")])))


def lines_in(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines that Spark reads as the header and as rows: it ends a line at LF, CR or CRLF, and skips blank lines."""
    rest = b""
    for chunk in chunks:
        lines = (rest + chunk).splitlines(keepends=True)
        rest = b"" if lines[-1].endswith((b"\n", b"\r")) else lines.pop()
        yield from [line for line in lines if line.lstrip(_BLANK)]
    if rest.lstrip(_BLANK):
        yield rest


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
