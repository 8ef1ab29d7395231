"""A path in an S3 bucket, with the methods of ``pathlib.Path`` that the platform uses."""

from __future__ import annotations

import fnmatch
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath
from typing import Any, NamedTuple

from headrace.errors import ConfigError
from headrace.storage.client import client, translated_errors

SCHEME = "s3://"


class Stat(NamedTuple):
    """An object's size in bytes, when it was written (seconds since the epoch), and its ETag."""

    st_size: int
    st_mtime: float
    etag: str = ""


@dataclass(frozen=True, order=True)
class S3Path:
    """``s3://bucket/key``: an object, or a folder of objects.

    ``found`` is set on a path that comes from a listing, to what the listing said. Nothing else is cached.
    """

    bucket: str
    key: str = ""
    found: Stat | None = field(default=None, compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> S3Path:
        """Read ``s3://bucket/a/b``.

        Raises:
            ConfigError: it is written another way.
        """
        bucket, _, key = text.removeprefix(SCHEME).partition("/")
        if not text.startswith(SCHEME) or not bucket:
            raise ConfigError(f"{text!r} is not a place in S3", "Write s3://bucket, or s3://bucket/folder")
        return cls(bucket, key.strip("/"))

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}".rstrip("/")

    def __truediv__(self, other: str | PurePath) -> S3Path:
        return S3Path(self.bucket, "/".join(part for part in (self.key, str(other)) if part))

    def __rtruediv__(self, other: object) -> S3Path:
        """An S3 path is absolute, so joining it to a folder gives the same path."""
        return self

    def joinpath(self, *others: str) -> S3Path:
        return self / "/".join(others)

    @property
    def name(self) -> str:
        return PurePosixPath(self.key).name

    @property
    def stem(self) -> str:
        return PurePosixPath(self.key).stem

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.key).suffix

    @property
    def parent(self) -> S3Path:
        return S3Path(self.bucket, self.key.rpartition("/")[0])

    def with_name(self, name: str) -> S3Path:
        return self.parent / name

    def relative_to(self, other: object) -> PurePosixPath:
        """The path below ``other``; raises ValueError if it does not lie below."""
        if not isinstance(other, S3Path) or other.bucket != self.bucket:
            raise ValueError(f"{self} is not below {other}")
        return PurePosixPath(self.key).relative_to(other.key)

    def absolute(self) -> S3Path:
        return self

    def as_uri(self) -> str:
        return str(self)

    def exists(self) -> bool:
        """Whether it is an object, or a folder that contains an object."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_dir(self) -> bool:
        if self.found is not None:
            return False
        with translated_errors(str(self)):
            page = client().list_objects_v2(Bucket=self.bucket, Prefix=self._prefix, MaxKeys=1)
        return bool(page.get("Contents"))

    def stat(self) -> Stat:
        if self.found is not None:
            return self.found
        with translated_errors(str(self)):
            head = client().head_object(Bucket=self.bucket, Key=self.key)
        return Stat(head["ContentLength"], head["LastModified"].timestamp(), head["ETag"])

    def read_bytes(self) -> bytes:
        with translated_errors(str(self)):
            content: bytes = client().get_object(Bucket=self.bucket, Key=self.key)["Body"].read()
        return content

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.read_bytes().decode(encoding)

    def open(self, mode: str = "rb") -> io.BytesIO:
        """The whole object in memory, so use it only for small objects."""
        if mode != "rb":
            raise ValueError(f"{self} can only be opened with mode 'rb', not {mode!r}")
        return io.BytesIO(self.read_bytes())

    def unlink(self, missing_ok: bool = False) -> None:
        if not missing_ok:
            self.stat()
        with translated_errors(str(self)):
            client().delete_object(Bucket=self.bucket, Key=self.key)

    def rglob(self, pattern: str) -> Iterator[S3Path]:
        """All objects below whose name matches, sorted by key. Folders are not listed."""
        return (path for path in self._below() if fnmatch.fnmatchcase(path.name, pattern))

    def glob(self, pattern: str) -> Iterator[S3Path]:
        """Objects and folders whose path below this one matches.

        ``*`` matches within one name; ``**`` is not supported.
        """
        wanted = pattern.split("/")
        plain = next((n for n, part in enumerate(wanted) if any(c in part for c in "*?[")), len(wanted) - 1)
        base, rest = self.joinpath(*wanted[:plain]) if plain else self, wanted[plain:]
        found = base.iterdir()
        matching = (path for path in found if fnmatch.fnmatchcase(path.name, rest[0]))
        if len(rest) == 1:
            yield from matching
        else:
            for path in matching:
                if path.found is None:  # a folder
                    yield from path.glob("/".join(rest[1:]))

    def iterdir(self) -> Iterator[S3Path]:
        """Objects and folders directly below, sorted by name within a page of the listing."""
        for page in self._pages(Delimiter="/"):
            folders = [S3Path(self.bucket, entry["Prefix"].rstrip("/")) for entry in page.get("CommonPrefixes", ())]
            yield from sorted([*folders, *self._objects(page)], key=lambda path: path.name)

    def files(self, after: str = "") -> Iterator[S3Path]:
        """Objects directly below whose names sort after ``after``. The server skips the others."""
        for page in self._pages(Delimiter="/", StartAfter=f"{self._prefix}{after}"):
            yield from self._objects(page)

    def _below(self) -> Iterator[S3Path]:
        for page in self._pages():
            yield from self._objects(page)

    def _objects(self, page: dict[str, list[dict[str, Any]]]) -> list[S3Path]:
        return [
            S3Path(self.bucket, entry["Key"], Stat(entry["Size"], entry["LastModified"].timestamp(), entry["ETag"]))
            for entry in page.get("Contents", ())
            if not entry["Key"].endswith("/")  # an empty object that some tools create to show a folder
        ]

    def _pages(self, **more: str) -> Iterator[dict[str, list[dict[str, Any]]]]:
        with translated_errors(str(self)):
            yield from (
                client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self._prefix, **more)
            )

    @property
    def _prefix(self) -> str:
        return f"{self.key}/" if self.key else ""
