"""All of a project's own code that one module runs, and the data files that this code names."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

from headrace.code.modules import file_of, imported, is_own, parents, parsed
from headrace.code.normal_form import normal_form

MAX_NAME = 200  # characters of a text that may name a file


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
        sha.update(f"{name}\0{normal_form(parsed(file))}\0".encode())
        if name != use_case:  # a declaration names contracts and suites, which count by what they say
            for text, data in sorted(data_files(file, _folders(name, file)).items()):
                sha.update(f"{text}\0".encode() + hashlib.sha256(data.read_bytes()).digest())
    return sha.hexdigest()


def reached(module: str, use_case: str) -> dict[str, Path]:
    """The files of a module and of the project's own modules that it imports in any way, by full name.

    A package that is shared between use cases counts, too. An installed package does not: a table that uses one
    declares it.
    """
    declared = {use_case, *parents(use_case)}

    def with_packages(name: str) -> list[str]:
        return [name, *(package for package in parents(name) if package not in declared)]

    found: dict[str, Path] = {}
    waiting = with_packages(module)
    while waiting:
        name = waiting.pop()
        file = file_of(name)
        if name in found or file is None:
            continue
        found[name] = file
        for other in imported(name, file):
            if is_own(other) or f"{other}.".startswith(f"{use_case}."):
                waiting += with_packages(other)
    return found


def data_files(file: Path, folders: list[Path]) -> dict[str, Path]:
    """The files that texts in a module name, relative to one of some folders, by that text.

    It finds ``"data/codes.csv"``, and also ``folder / "data" / "codes.csv"`` and ``join(folder, "data", "codes.csv")``.
    """
    found: dict[str, Path] = {}
    for name in {name for node in ast.walk(parsed(file)) for name in _names(_texts(node))}:
        path = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if path is not None and path.suffix != ".py":
            found[name] = path
    return found


def _folders(module: str, file: Path) -> list[Path]:
    """The module's folder and the folders of the packages around it."""
    depth = len(parents(module)) if file.name != "__init__.py" else len(parents(module)) + 1
    return [file.parent, *list(file.parent.parents)[: max(depth - 1, 0)]]


def _texts(node: ast.AST) -> list[str]:
    """The texts that an expression puts together: in a chain of ``/``, or as arguments of one call."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return [*_texts(node.left), *_texts(node.right)]
    if isinstance(node, ast.Call):
        return [text for argument in node.args for text in _texts(argument)]
    return []


def _names(texts: list[str]) -> Iterator[str]:
    """Relative paths that end with the last text."""
    for start in range(len(texts)):
        name = "/".join(texts[start:])
        if 0 < len(name) <= MAX_NAME and name.isprintable() and not name.startswith("/"):
            yield name
