"""A use case: all that one package declares, found by name and in building order."""

from __future__ import annotations

import importlib
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from pydantic import ValidationError

from headrace.declare.contract import Contract
from headrace.declare.feed import Feed
from headrace.declare.model import Model
from headrace.declare.table import Table
from headrace.errors import DeclarationError, UnknownNameError
from headrace.yamlfile import nearest

T = TypeVar("T")
Named = TypeVar("Named", Feed, Table, Model)


@dataclass(frozen=True)
class UseCase:
    """What a package declares. ``folder`` is where its contracts and suites lie."""

    package: str
    folder: Path
    feeds: dict[str, Feed]
    tables: dict[str, Table]
    models: dict[str, Model]

    def table(self, name: str) -> Table:
        return _known(self.tables, name, "table")

    def model(self, name: str) -> Model:
        return _known(self.models, name, "model")

    def feed(self, name: str) -> Feed:
        return _known(self.feeds, name, "feed")

    def contract(self, of: Feed | Table) -> Contract:
        return Contract.read(self.folder / of.columns)

    def in_order(self, *names: str) -> list[Table]:
        """The tables called ``names`` and all that they are made from, upstream first."""
        ordered: dict[str, Table] = {}

        def visit(table: Table, path: tuple[str, ...]) -> None:
            if table.name in path:
                raise DeclarationError(f"{table.origin}: {' -> '.join((*path, table.name))} is a circle")
            for source in table.sources:
                if isinstance(source.source, Table):
                    visit(source.source, (*path, table.name))
            ordered[table.name] = table

        for name in names:
            visit(self.table(name), ())
        return list(ordered.values())


def _known(among: dict[str, T], name: str, what: str) -> T:
    if name not in among:
        raise UnknownNameError(f"no {what} is called {name!r}", nearest(name, among))
    return among[name]


def load(package: str) -> UseCase:
    """Import a use case's package and gather what it declares.

    Raises:
        DeclarationError: the package does not exist, or a declaration in it is wrong; names file and line.
    """
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as missing:
        if missing.name != package:
            raise
        raise DeclarationError(
            f"no package is called {package!r}", "It must be importable: is lib/ on PYTHONPATH?"
        ) from None
    except (ValidationError, TypeError, ValueError, AttributeError, NameError) as wrong:
        sys.modules.pop(package, None)
        raise DeclarationError(f"{_line(wrong, package)}: {_reason(wrong)}") from wrong
    return UseCase(package, _folder(module), _all(module, Feed), _all(module, Table), _all(module, Model))


def _all(module: ModuleType, kind: type[Named]) -> dict[str, Named]:
    found: dict[str, Named] = {}
    for value in vars(module).values():
        if isinstance(value, kind) and found.setdefault(value.name, value) is not value:
            raise DeclarationError(f"{value.origin}: {value.name!r} is declared already at {found[value.name].origin}")
    return found


def _folder(module: ModuleType) -> Path:
    return Path(str(module.__file__)).parent


def _line(error: Exception, package: str) -> str:
    """The innermost line of the package's own files on the way to an error."""
    part = f"/{package.replace('.', '/')}/"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if part in f.filename]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else package


def _reason(error: Exception) -> str:
    """One sentence, with the nearest right word where the word itself was wrong."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    word = str(first["loc"][-1]) if first["loc"] else ""
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        kinds = {k.__name__: k for k in (Feed, Table, Model)}
        kind = kinds.get(error.title)
        known = [f for f in kind.__dataclass_fields__ if f != "origin"] if kind else []
        return f"{error.title} takes no {word!r}. {nearest(word, known) if known else ''}".rstrip()
    return f"{error.title}: {word}: {first['msg']}"
