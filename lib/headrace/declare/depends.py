"""Other inputs of a table that Headrace cannot see in its transform. A change of one makes the table's days stale."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

from pydantic.dataclasses import dataclass

from headrace.code.packages import package_digest
from headrace.declare.origin import STRICT, Declared
from headrace.errors import DeclarationError
from headrace.hints import nearest


@dataclass(frozen=True, config=STRICT)
class File(Declared):
    """The content of a file that the transform reads.

    Args:
        path: relative to the use case's folder.
    """

    path: str

    def digest(self, folder: Path) -> str:
        """SHA-256 of the content.

        Args:
            folder: the use case's folder.

        Raises:
            DeclarationError: the file does not exist.
        """
        file = folder / self.path
        if not file.is_file():
            names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
            raise DeclarationError(f"{self.origin}: the file {self.path!r} does not exist", nearest(self.path, names))
        return hashlib.sha256(file.read_bytes()).hexdigest()


@dataclass(frozen=True, config=STRICT)
class Package(Declared):
    """All code of a package that the transform uses, for example an installed one.

    Args:
        name: as it is imported.
    """

    name: str

    def digest(self, folder: Path) -> str:  # noqa: ARG002 - the same as of a file
        """SHA-256 of the code in its normal form.

        Raises:
            DeclarationError: there is no such package.
        """
        try:
            return package_digest(self.name)
        except LookupError as missing:
            hint = "It must be importable, and hold Python files"
            raise DeclarationError(f"{self.origin}: {missing}", hint) from None


@dataclass(frozen=True, config=STRICT)
class Version(Declared):
    """The installed version of a distribution that decides rows, such as the time zones of ``tzdata``.

    Args:
        name: as it is installed, which may differ from how it is imported.
    """

    name: str

    def digest(self, folder: Path) -> str:  # noqa: ARG002 - the same as of a file
        """The version's own text.

        Raises:
            DeclarationError: no such distribution is installed.
        """
        try:
            return metadata.version(self.name)
        except metadata.PackageNotFoundError:
            known = [found.name for found in metadata.distributions()]
            raise DeclarationError(
                f"{self.origin}: {self.name!r} is not installed", nearest(self.name, known)
            ) from None
