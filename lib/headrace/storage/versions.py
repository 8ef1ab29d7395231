"""Versions of objects in a bucket with versioning: their bytes never change, and S3 copies them by itself."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from headrace.storage.client import client, translated_errors
from headrace.storage.place import Place
from headrace.storage.s3path import S3Path

UNVERSIONED = ("", "null")  # what S3 calls the version of an object that was written without versioning


@dataclass(frozen=True)
class Version:
    """One version of an object.

    Attributes:
        of: the object.
        id: S3's name for the version.
        etag: the version's ETag.
        size: in bytes.
        sha256: the digest of the content in hexadecimal digits, if S3 keeps it; otherwise empty.
    """

    of: S3Path
    id: str
    etag: str
    size: int
    sha256: str

    def first_bytes(self, size: int) -> bytes:
        """The first bytes of the content."""
        with translated_errors(str(self.of)):
            reply = client().get_object(
                Bucket=self.of.bucket, Key=self.of.key, VersionId=self.id, Range=f"bytes=0-{size - 1}"
            )
            content: bytes = reply["Body"].read()
        return content

    def copy_to(self, to: S3Path) -> None:
        """Copy the version within S3, in parts if it is large. No byte passes through this process."""
        source = {"Bucket": self.of.bucket, "Key": self.of.key, "VersionId": self.id}
        with translated_errors(str(self.of)):
            client().copy(source, to.bucket, to.key, ExtraArgs={"CopySourceIfMatch": self.etag})


def newest_version(of: Place) -> Version | None:
    """The newest version of an object; None if its bucket has no versioning, or the file is on a disk.

    Raises:
        FileNotFoundError: the object does not exist.
    """
    if not isinstance(of, S3Path):
        return None
    with translated_errors(str(of)):
        head = client().head_object(Bucket=of.bucket, Key=of.key, ChecksumMode="ENABLED")
    if head.get("VersionId", "") in UNVERSIONED:
        return None
    # Of an upload in parts, S3 keeps the digest of the parts' digests. It ends with their number.
    digest = head.get("ChecksumSHA256", "")
    is_whole = head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT" and "-" not in digest
    sha256 = base64.b64decode(digest).hex() if is_whole else ""
    return Version(of, head["VersionId"], head["ETag"], head["ContentLength"], sha256)
