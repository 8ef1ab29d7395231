"""An object, or a folder of objects, in a bucket: as much of ``pathlib.Path`` as a ``Place`` needs."""

from __future__ import annotations

import fnmatch
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath
from typing import Any, NamedTuple

from headrace.errors import ConfigError
from headrace.storage.client import client, told

SCHEME = "s3://"


class Stat(NamedTuple):
    """What a listing says of an object: its size in bytes, and when it was written (seconds since the epoch)."""

    st_size: int
    st_mtime: float


@dataclass(frozen=True, order=True)
class S3Path:
    """``s3://bucket/key``. Nothing is cached but what a listing said of an object that it found."""

    bucket: str
    key: str = ""
    found: Stat | None = field(default=None, compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> S3Path:
        """Read ``s3://bucket/a/b``.

        Raises:
            ConfigError: it is not written so.
        """
        bucket, _, key = text.removeprefix(SCHEME).partition("/")
        if not text.startswith(SCHEME) or not bucket:
            raise ConfigError(f"{text!r} is no place in S3", "Write s3://bucket, or s3://bucket/folder")
        return cls(bucket, key.strip("/"))

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}".rstrip("/")

    def __truediv__(self, other: str | PurePath) -> S3Path:
        return S3Path(self.bucket, "/".join(part for part in (self.key, str(other)) if part))

    def __rtruediv__(self, other: object) -> S3Path:
        """A place in S3 is absolute, so it is the same wherever the project lies."""
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
        """Raises ValueError where it does not lie below ``other``."""
        if not isinstance(other, S3Path) or other.bucket != self.bucket:
            raise ValueError(f"{self} is not below {other}")
        return PurePosixPath(self.key).relative_to(other.key)

    def absolute(self) -> S3Path:
        return self

    def as_uri(self) -> str:
        return str(self)

    def exists(self) -> bool:
        """Whether it is an object, or a folder with an object in it."""
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
        with told(str(self)):
            page = client().list_objects_v2(Bucket=self.bucket, Prefix=self._prefix, MaxKeys=1)
        return bool(page.get("Contents"))

    def stat(self) -> Stat:
        if self.found is not None:
            return self.found
        with told(str(self)):
            head = client().head_object(Bucket=self.bucket, Key=self.key)
        return Stat(head["ContentLength"], head["LastModified"].timestamp())

    def read_bytes(self) -> bytes:
        with told(str(self)):
            content: bytes = client().get_object(Bucket=self.bucket, Key=self.key)["Body"].read()
        return content

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.read_bytes().decode(encoding)

    def open(self, mode: str = "rb") -> io.BytesIO:
        """The whole object, in memory: for what is known to be small."""
        if mode != "rb":
            raise ValueError(f"{self} can be opened to be read as bytes alone, not with {mode!r}")
        return io.BytesIO(self.read_bytes())

    def unlink(self, missing_ok: bool = False) -> None:
        if not missing_ok:
            self.stat()
        with told(str(self)):
            client().delete_object(Bucket=self.bucket, Key=self.key)

    def rglob(self, pattern: str) -> Iterator[S3Path]:
        """All objects below, whose name matches, in the order of their keys. Folders are no objects."""
        return (each for each in self._below() if fnmatch.fnmatchcase(each.name, pattern))

    def glob(self, pattern: str) -> Iterator[S3Path]:
        """Objects and folders whose path below this matches; ``*`` stands within one name, and ``**`` is not known."""
        wanted = pattern.split("/")
        plain = next((n for n, part in enumerate(wanted) if any(c in part for c in "*?[")), len(wanted) - 1)
        base, rest = self.joinpath(*wanted[:plain]) if plain else self, wanted[plain:]
        found = base.iterdir()
        matching = (each for each in found if fnmatch.fnmatchcase(each.name, rest[0]))
        if len(rest) == 1:
            yield from matching
        else:
            for each in matching:
                if each.found is None:
                    yield from each.glob("/".join(rest[1:]))

    def iterdir(self) -> Iterator[S3Path]:
        """Objects and folders that lie right below, in the order of their names."""
        for page in self._pages(Delimiter="/"):
            folders = [S3Path(self.bucket, each["Prefix"].rstrip("/")) for each in page.get("CommonPrefixes", ())]
            yield from sorted([*folders, *self._objects(page)], key=lambda each: each.name)

    def _below(self) -> Iterator[S3Path]:
        for page in self._pages():
            yield from self._objects(page)

    def _objects(self, page: dict[str, list[dict[str, Any]]]) -> list[S3Path]:
        return [
            S3Path(self.bucket, each["Key"], Stat(each["Size"], each["LastModified"].timestamp()))
            for each in page.get("Contents", ())
            if not each["Key"].endswith("/")  # what some tools make to show a folder
        ]

    def _pages(self, **more: str) -> Iterator[dict[str, list[dict[str, Any]]]]:
        with told(str(self)):
            yield from (
                client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self._prefix, **more)
            )

    @property
    def _prefix(self) -> str:
        return f"{self.key}/" if self.key else ""
