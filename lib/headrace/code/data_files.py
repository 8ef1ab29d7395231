"""The data files that the texts in a module name: single files, folders, patterns, and resources of a package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from headrace.code.modules import folders_of, is_own, parents, parsed

MAX_NAME = 200  # characters of a text that may name a file
_PATTERN = re.compile(r"(\*\*/|[\w.-]+/)*[\w.-]*\*(\.\w+)+")  # such as rates/*.csv
_PACKAGE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def data_files(module: str, file: Path) -> dict[str, Path]:
    """The files that texts in a module name, relative to its folder or to a package around it, by that text.

    It finds ``"data/codes.csv"``, and also ``folder / "data" / "codes.csv"`` and ``join(folder, "data", "codes.csv")``,
    ``files("package").joinpath("codes.csv")`` and ``"data/*.csv"``. A folder stands for all its files, unless the
    module names one of them. Python files are left out: they count if they are imported.
    """
    places = {place for node in ast.walk(parsed(file)) for place in _places(_texts(node), _folders(module, file))}
    files = {name: path for name, path in places if path.is_file()}
    for name, folder in places:
        if folder.is_dir() and not any(folder in path.parents for path in files.values()):
            inside = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
            files |= {f"{name}/{part.as_posix()}": path for part, path in inside.items() if not _is_hidden(part)}
    return {name: path for name, path in files.items() if path.suffix not in (".py", ".pyc")}


def _places(texts: list[str], folders: list[Path]) -> Iterator[tuple[str, Path]]:
    """The files and folders that exist and that some texts name together, each with its name."""
    for start in range(len(texts)):
        yield from _found("/".join(texts[start:]), folders)
        package, resource = texts[start], "/".join(texts[start + 1 :])
        if "." in resource and _PACKAGE.fullmatch(package) and is_own(package):  # a look for each word would be slow
            yield from ((f"{package}:{name}", path) for name, path in _found(resource, folders_of(package)))


def _found(name: str, folders: list[Path]) -> Iterator[tuple[str, Path]]:
    """What a relative path or a pattern names in the first of some folders that has it."""
    name = name.strip("/")
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        return
    for folder in folders:
        if _PATTERN.fullmatch(name):
            found = {path.relative_to(folder).as_posix(): path for path in folder.glob(name)}
        else:
            path = folder / name
            is_inside = folder.resolve() in path.resolve().parents
            found = {name: path} if path.is_file() or (is_inside and path.is_dir()) else {}
        if found:
            yield from found.items()
            return


def _is_hidden(path: Path) -> bool:
    """Whether an editor or a system may have left it, so that checkouts differ."""
    return any(part.startswith(".") for part in path.parts)


def _folders(module: str, file: Path) -> list[Path]:
    """The module's folder and the folders of the packages around it."""
    depth = len(parents(module)) if file.name != "__init__.py" else len(parents(module)) + 1
    return [file.parent, *list(file.parent.parents)[: max(depth - 1, 0)]]


def _texts(node: ast.AST) -> list[str]:
    """The texts that an expression puts together: in a chain of ``/`` or ``joinpath``, or as arguments of one call."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return [*_texts(node.left), *_texts(node.right)]
    if isinstance(node, ast.Call):
        before = (
            _texts(node.func.value) if isinstance(node.func, ast.Attribute) and node.func.attr == "joinpath" else []
        )
        return [*before, *(text for argument in node.args for text in _texts(argument))]
    return []
