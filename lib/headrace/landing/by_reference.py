"""Land large files by reference: S3 itself copies the version of the object, and only its first bytes are read.

So nobody counts the rows of such a file, or reads it to its end, before a build does.
"""

from __future__ import annotations

import hashlib
import zlib
from itertools import islice

from headrace.declare.formats import Csv
from headrace.errors import BadInputError, InputNotYetError
from headrace.landing.cells import AGAIN, Rows, as_utf8, columns_in, lines_in
from headrace.landing.delivered import Delivered, stored_name
from headrace.storage import Place, S3Path, Version, newest_version

FIRST_BYTES = 1 << 16  # they hold the header; a file that is no larger is read whole


def inspected(of: Place, raw: Place, dialect: Csv) -> tuple[Version, Delivered] | None:
    """The version to copy, and what its first bytes say about the file; None if the file must be read.

    It is read if it is small, zipped, not UTF-8, or may have line ends in cells, or if its bucket keeps no versions. So
    it is if either place is on a disk, or if its header is longer than the first bytes.

    Raises:
        BadInputError: the file is corrupt, or its header has bytes that its encoding does not have.
    """
    if (
        not (isinstance(of, S3Path) and isinstance(raw, S3Path))
        or of.suffix == ".zip"
        or not dialect.is_utf8
        or dialect.newlines
    ):
        return None
    version = newest_version(of) if of.stat().st_size > FIRST_BYTES else None
    if version is None or not (header := _header(version, dialect)):
        return None
    return version, Delivered(
        name=of.name,
        bytes=version.size,
        sha256=version.sha256,
        rows=None,
        columns=columns_in(header, dialect),
        dialect=dialect.name,
        stamp=version.etag,
        version=version.id,
    )


def store(version: Version, file: Delivered, folder: Place) -> str:
    """Copy the version into the raw area, under a name that contains a digest of its content or of its ETag.

    Raises:
        InputNotYetError: S3 has other content under the version's name than it had before.
    """
    assert isinstance(folder, S3Path)  # else the file was read
    name = stored_name(file.sha256 or hashlib.sha256(file.stamp.encode()).hexdigest(), file.name)
    try:
        version.copy_to(folder / name)
    except FileExistsError:
        raise InputNotYetError(
            f"{version.of} was written while it landed", "Land it once it is delivered whole"
        ) from None
    return name


def _header(version: Version, dialect: Csv) -> bytes:
    """The header, if a row begins within the first bytes; otherwise empty."""
    content = version.first_bytes(FIRST_BYTES)
    if version.of.suffix == ".gz":
        try:
            content = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(content)
        except zlib.error as broken:
            raise BadInputError(f"{version.of} is corrupt ({broken})", AGAIN) from None
    text = islice(as_utf8([content], dialect.encoding, str(version.of)), 1)  # it may be cut within a character
    lines = [line for block in lines_in(text) for line in block]
    header = next(Rows([lines], dialect, str(version.of)), b"")
    return header if len(header) < sum(map(len, lines)) else b""
