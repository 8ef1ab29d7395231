"""Functions that a declaration names as ``"module:function"``: checked without importing them, or imported in a job."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from headrace.code.modules import file_of, parsed
from headrace.code.reached import reached_digest
from headrace.errors import CodeChangedError, DeclarationError
from headrace.hints import nearest
from headrace.references import imported

_LOADED: WeakKeyDictionary[ModuleType, str] = WeakKeyDictionary()  # the digest of the code of each loaded module


def function(package: str, reference: str) -> Callable[..., Any]:
    """Import ``"module:function"`` of a use case's package.

    Raises:
        CodeChangedError: the files of its code have changed since this process loaded it.
    """
    module, name = split(reference)
    found: Callable[..., Any] = imported(f"{package}.{module}:{name}")
    now = digest(package, reference)
    if _LOADED.setdefault(sys.modules[f"{package}.{module}"], now) != now:
        raise CodeChangedError(
            f"the code of {package}.{module} has changed since this process loaded it",
            "Python would go on with the old code: start the command again",
        )
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
    functions = [n.name for n in parsed(file).body if isinstance(n, ast.FunctionDef)]
    if name not in functions:
        raise DeclarationError(f"{where}: {file} has no function {name!r}", nearest(name, functions))


def digest(package: str, reference: str) -> str:
    """SHA-256 of the module and of all that it imports and reads of the project's own; see ``reached_digest``."""
    module, _ = split(reference)
    return reached_digest(f"{package}.{module}", package)


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
    return file_of(f"{package}.{module}".rstrip("."))


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
