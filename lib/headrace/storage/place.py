"""A place on a disk or in S3, and the URI that Spark opens it by."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from headrace.storage.s3path import SCHEME, S3Path

Place: TypeAlias = Path | S3Path


def place(text: str | Place) -> Place:
    """Read a path, or ``s3://bucket/folder``.

    Raises:
        ConfigError: a text that begins with s3:// names no bucket.
    """
    if isinstance(text, str) and text.startswith(SCHEME):
        return S3Path.parse(text)
    return Path(text) if isinstance(text, str) else text


def on_s3(where: Place) -> bool:
    """Whether the place is in S3, not on a disk."""
    return isinstance(where, S3Path)


def spark_uri(where: Place) -> str:
    """The URI that Spark opens; Spark calls its S3 file system ``s3a``."""
    return f"s3a://{str(where).removeprefix(SCHEME)}" if isinstance(where, S3Path) else str(where)


def below(root: Place, what: Place) -> str:
    """The path of ``what`` relative to ``root``.

    Raises:
        ValueError: ``what`` does not lie below ``root``.
    """
    seen = what.relative_to(root) if isinstance(what, S3Path) else what.relative_to(str(root))
    return seen.as_posix()
