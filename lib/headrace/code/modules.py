"""Find modules by name, parse them, and tell which modules they import. Nothing is imported for it."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from headrace.errors import DeclarationError

INSTALLED = {"site-packages", "dist-packages"}  # folders of installed packages
# Spark's start script may put its Python part on the path, outside of those folders. Headrace has a list of its own.
NEVER_OWN = {"headrace", "pyspark", "py4j", *sys.stdlib_module_names}


def file_of(module: str) -> Path | None:
    """The file of a module, as ``package.part``. None if there is no such module, or it is not written in Python."""
    top, *parts = module.split(".")
    for folder in _places(top):
        path = folder.joinpath(*parts)
        for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
            if file.is_file():
                return file
    return None


def compiled(module: str) -> Path | None:
    """The file of a module that is an extension in C, or the like."""
    top, *parts = module.split(".")
    paths = [folder.joinpath(*parts) for folder in _places(top)]
    files = [path.with_name(path.name + suffix) for path in paths for suffix in EXTENSION_SUFFIXES]
    return next((file for file in files if file.is_file()), None)


def is_own(module: str) -> bool:
    """Whether a module is a project's own code: neither in the standard library, nor installed, nor Headrace."""
    top = module.partition(".")[0]
    return top not in NEVER_OWN and not any(INSTALLED & set(place.resolve().parts) for place in _places(top))


def parents(module: str) -> list[str]:
    """The packages that a module lies in, the outermost first. Importing the module runs them."""
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def parsed(file: Path) -> ast.Module:
    """The syntax tree of a file.

    Raises:
        DeclarationError: it is not Python; names the line.
    """
    try:
        return ast.parse(file.read_bytes(), str(file))
    except SyntaxError as wrong:
        raise DeclarationError(f"{file}:{wrong.lineno}: not Python: {wrong.msg}") from None


def imported(module: str, file: Path) -> set[str]:
    """The full names of the modules that a module imports, wherever in it.

    ``from package import name`` is an import of ``package.name`` if that is a module, and of ``package`` otherwise.
    ``import_module("name")`` counts, too. What is imported for type checking only does not count.
    """
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in _that_run(parsed(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= set(_imported_from(node, package))
        elif isinstance(node, ast.Call):
            found |= set(_imported_by_call(node, package))
    return found


def _imported_from(node: ast.ImportFrom, package: str) -> Iterator[str]:
    try:
        origin = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
    except ImportError:  # more dots than packages: the import itself would fail
        return
    names = [alias.name for alias in node.names]
    if names == ["*"] and (file := file_of(origin)):
        yield origin
        names = [n.value for n in ast.walk(parsed(file)) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        names = [name for name in names if name.isidentifier()]  # __all__ may name modules, which are imported then
    for name in (f"{origin}.{name}" for name in names):
        yield name if file_of(name) or compiled(name) else origin


def _imported_by_call(node: ast.Call, package: str) -> Iterator[str]:
    called = getattr(node.func, "attr", getattr(node.func, "id", ""))
    name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
    if called in ("import_module", "__import__") and isinstance(name, str):
        with suppress(ImportError):  # more dots than packages
            yield importlib.util.resolve_name(name, package)


def _that_run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree except what stands below ``if TYPE_CHECKING:``."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        skipped = node.body if isinstance(node, ast.If) and _is_for_types(node.test) else []
        waiting += [child for child in ast.iter_child_nodes(node) if child not in skipped]


def _is_for_types(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", ""), getattr(test, "attr", ""))


def _places(top: str) -> list[Path]:
    """Where a top-level module or package lies: folder and name, without a suffix."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a module without a spec, such as the one that a process began with
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(folder) for folder in spec.submodule_search_locations]
    return [Path(spec.origin).with_suffix("")] if spec.origin else []


def folders_of(package: str) -> list[Path]:
    """The folders of a package; none for a module that is a single file."""
    top, *parts = package.split(".")
    return [folder for place in _places(top) if (folder := place.joinpath(*parts)).is_dir()]
