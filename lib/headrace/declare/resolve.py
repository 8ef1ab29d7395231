"""Functions that a declaration names as ``"module:function"``: checked without importing them, or imported in a job."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headrace.errors import DeclarationError
from headrace.hints import nearest
from headrace.references import imported


def function(package: str, reference: str) -> Callable[..., Any]:
    """Import ``"module:function"`` of a use case's package."""
    module, name = split(reference)
    found: Callable[..., Any] = imported(f"{package}.{module}:{name}")
    return found


def check(package: str, reference: str, where: object) -> None:
    """Check that the module has such a function, without importing the module.

    Args:
        where: the declaration's origin, which begins an error.

    Raises:
        DeclarationError: the reference, the module or the function is wrong.
    """
    try:
        module, name = split(reference)
    except DeclarationError as wrong:
        raise DeclarationError(f"{where}: {wrong.what}", wrong.hint) from None
    file = source(package, module)
    if file is None:
        raise DeclarationError(f"{where}: {package} has no module {module!r}", nearest(module, modules(package)))
    functions = [n.name for n in _parsed(file).body if isinstance(n, ast.FunctionDef)]
    if name not in functions:
        raise DeclarationError(f"{where}: {file} has no function {name!r}", nearest(name, functions))


def digest(package: str, reference: str) -> str:
    """SHA-256 over the source of the module and of all that it imports from the same use case."""
    first, _ = split(reference)
    seen: dict[str, bytes] = {}
    waiting = {first}
    while waiting:
        module = waiting.pop()
        file = source(package, module)
        if file is None:
            continue
        seen[module] = file.read_bytes()
        waiting |= _imported(package, module, file) - set(seen)
    sha = hashlib.sha256()
    for module in sorted(seen):
        sha.update(module.encode() + b"\0" + seen[module] + b"\0")
    return sha.hexdigest()


def split(reference: str) -> tuple[str, str]:
    """Module and function of ``"module:function"``.

    Raises:
        DeclarationError: it is written another way.
    """
    module, colon, name = reference.partition(":")
    if not (module and colon and name):
        raise DeclarationError(f"{reference!r} is not 'module:function'", "Write it as transforms.orders:orders")
    return module, name


def source(package: str, module: str) -> Path | None:
    """The file of a module of the package, found without importing it. An empty ``module`` is the package itself.

    Returns None if there is no such module.
    """
    path = _folder(package).joinpath(*filter(None, module.split(".")))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def modules(package: str) -> list[str]:
    """The names of the package's modules, without the package's own name."""
    folder = _folder(package)
    files = [p.relative_to(folder).with_suffix("") for p in folder.rglob("*.py") if p.name != "__init__.py"]
    return [".".join(file.parts) for file in files]


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise DeclarationError(f"no package is called {package!r}", "It must be importable, and have an __init__.py")
    return Path(spec.origin).parent


def _imported(package: str, module: str, file: Path) -> set[str]:
    """The modules of ``package`` that ``module`` imports, without the package's own name."""
    parent = f"{package}.{module}".rstrip(".")
    if file.name != "__init__.py":
        parent = parent.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = importlib.util.resolve_name("." * node.level + (node.module or ""), parent)
            found |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
    return {name.removeprefix(package).lstrip(".") for name in found if f"{name}.".startswith(f"{package}.")}


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), str(file))
    except SyntaxError as wrong:
        raise DeclarationError(f"{file}:{wrong.lineno}: not Python: {wrong.msg}") from None
