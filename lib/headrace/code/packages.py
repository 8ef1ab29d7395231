"""The digest of all code of a package, whether it is the project's own, Headrace's or installed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from headrace.code.modules import file_of, folders_of
from headrace.code.normal_form import digest_of


def package_digest(*packages: str) -> str:
    """SHA-256 of the Python files of packages in their normal form.

    Args:
        packages: names of packages, or of modules that are a single file.

    Raises:
        LookupError: a package does not exist or has no file. Otherwise a renamed package would give an empty digest.
    """
    sha = hashlib.sha256()
    for package in packages:
        for name, source in _sources(package):
            sha.update(f"{package}\0{name}\0{digest_of(source)}\0".encode())
    return sha.hexdigest()


def modules_digest(modules: Iterable[str]) -> str:
    """SHA-256 of single modules in their normal form.

    Raises:
        LookupError: a module does not exist.
    """
    sha = hashlib.sha256()
    for module in modules:
        file = file_of(module)
        if file is None:
            raise LookupError(f"there is no module {module}")
        sha.update(f"{module}\0{digest_of(file.read_bytes())}\0".encode())
    return sha.hexdigest()


def _sources(package: str) -> list[tuple[str, bytes]]:
    folders = folders_of(package)
    files = [(file.relative_to(folder), file) for folder in folders for file in folder.rglob("*.py")]
    single = file_of(package)
    if not folders and single is not None:
        files = [(single.relative_to(single.parent), single)]
    if not files:
        raise LookupError(f"the package {package} has no files to take a digest of")
    return [(name.as_posix(), file.read_bytes()) for name, file in sorted(files)]
