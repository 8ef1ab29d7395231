"""Digests of Headrace's own code."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path


def package_digest(*packages: str) -> str:
    """SHA-256 of the Python files of packages, without importing them.

    Raises:
        LookupError: a package does not exist or has no file. Otherwise a renamed package would give an empty digest.
    """
    sha = hashlib.sha256()
    for package in packages:
        for file in _files(package):
            sha.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return sha.hexdigest()


def _files(package: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or []) if folder] if spec else []
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    if not files:
        raise LookupError(f"the package {package} has no files to take a digest of")
    return files
