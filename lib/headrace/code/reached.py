"""All of a project's own code that one module runs, and the data files that this code names."""

from __future__ import annotations

import hashlib
from pathlib import Path

from headrace.code.data_files import data_files
from headrace.code.modules import compiled, file_of, imported, is_own, parents, parsed
from headrace.code.normal_form import normal_form


def reached_digest(module: str, use_case: str) -> str:
    """SHA-256 of a module, of the project's own modules that it imports, and of the data files that these name.

    Args:
        module: the module's full name.
        use_case: the package that declares the tables. Its ``__init__`` counts only if something is imported from it:
            it declares all tables, and each table's declaration is part of its own digest.

    Raises:
        DeclarationError: a module is not Python.
    """
    sha = hashlib.sha256()
    for name, file in sorted(reached(module, use_case).items()):
        if file.suffix != ".py":
            sha.update(f"{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
            continue
        sha.update(f"{name}\0{normal_form(parsed(file))}\0".encode())
        if name != use_case:  # a declaration names contracts and suites, which count by what they say
            for text, data in sorted(data_files(name, file).items()):
                sha.update(f"{text}\0".encode() + hashlib.sha256(data.read_bytes()).digest())
    return sha.hexdigest()


def reached(module: str, use_case: str) -> dict[str, Path]:
    """The files of a module and of the project's own modules that it imports in any way, by full name.

    A package that is shared between use cases counts, too. An installed package does not: a table that uses one
    declares it. A compiled module is a file, too; what it imports itself is unknown.
    """
    declared = {use_case, *parents(use_case)}

    def with_packages(name: str) -> list[str]:
        return [name, *(package for package in parents(name) if package not in declared)]

    found: dict[str, Path] = {}
    waiting = with_packages(module)
    while waiting:
        name = waiting.pop()
        file = file_of(name) or compiled(name)
        if name in found or file is None:
            continue
        found[name] = file
        for other in imported(name, file) if file.suffix == ".py" else ():
            if is_own(other) or f"{other}.".startswith(f"{use_case}."):
                waiting += with_packages(other)
    return found
