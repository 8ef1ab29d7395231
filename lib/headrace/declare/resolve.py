"""What a declaration names as ``"module:function"``: found without importing it, or imported inside a job."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headrace.errors import DeclarationError
from headrace.yamlfile import nearest


def function(package: str, reference: str) -> Callable[..., Any]:
    """Import ``"module:function"`` of a use case."""
    module, name = split(reference)
    return getattr(importlib.import_module(f"{package}.{module}"), name)  # type: ignore[no-any-return]


def check(package: str, reference: str, where: object) -> None:
    """Raise DeclarationError unless the module has such a function; nothing is imported but the package."""
    module, name = split(reference)
    file = source(package, module)
    if file is None:
        raise DeclarationError(f"{where}: {package} has no module {module!r}", nearest(module, modules(package)))
    functions = [n.name for n in ast.parse(file.read_text()).body if isinstance(n, ast.FunctionDef)]
    if name not in functions:
        raise DeclarationError(
            f"{where}: {file} has no function {name!r}", nearest(name, functions) if functions else ""
        )


def digest(package: str, reference: str) -> str:
    """SHA-256 over the source of the module and of all that it imports from the same use case."""
    first, _ = split(reference)
    seen: dict[str, bytes] = {}
    waiting = [first]
    while waiting:
        module = waiting.pop()
        file = source(package, module)
        if file is None or module in seen:
            continue
        seen[module] = file.read_bytes()
        waiting += _imported(package, seen[module])
    sha = hashlib.sha256()
    for module in sorted(seen):
        sha.update(module.encode() + b"\0" + seen[module] + b"\0")
    return sha.hexdigest()


def split(reference: str) -> tuple[str, str]:
    module, colon, name = reference.partition(":")
    if not (module and colon and name):
        raise DeclarationError(f"{reference!r} is not 'module:function'")
    return module, name


def source(package: str, module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(f"{package}.{module}")
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin else None


def modules(package: str) -> list[str]:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent
    return [
        ".".join(p.relative_to(folder).with_suffix("").parts) for p in folder.rglob("*.py") if p.name != "__init__.py"
    ]


def _imported(package: str, code: bytes) -> list[str]:
    """The modules of ``package`` that the code imports, without the package's name."""
    found = []
    for node in ast.walk(ast.parse(code)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found += [n.removeprefix(f"{package}.") for n in names if n.startswith(f"{package}.")]
    return found
