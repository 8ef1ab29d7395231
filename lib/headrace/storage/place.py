"""A place, and how Spark writes its name."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from headrace.storage.s3path import SCHEME, S3Path

Place: TypeAlias = Path | S3Path


def place(text: str | Place) -> Place:
    """A path, or ``s3://bucket/folder``."""
    if isinstance(text, str) and text.startswith(SCHEME):
        return S3Path.parse(text)
    return Path(text) if isinstance(text, str) else text


def on_s3(where: Place) -> bool:
    return isinstance(where, S3Path)


def spark_uri(where: Place) -> str:
    """What Spark opens: its S3 file system is called ``s3a``."""
    return f"s3a://{str(where).removeprefix(SCHEME)}" if isinstance(where, S3Path) else str(where)


def below(root: Place, what: Place) -> str:
    """The path of ``what``, seen from ``root``. Raises ValueError where it does not lie below."""
    seen = what.relative_to(root) if isinstance(what, S3Path) else what.relative_to(str(root))
    return seen.as_posix()
