"""A use case: everything that one package declares, found by name and in build order."""

from __future__ import annotations

import importlib
import re
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from pydantic import ValidationError

from headrace.code.modules import file_of
from headrace.declare import inputs
from headrace.declare.check import Check
from headrace.declare.columns import check_contract
from headrace.declare.contract import Contract
from headrace.declare.cut_off import CutOff
from headrace.declare.demo import Demo
from headrace.declare.depends import File, Package, Version
from headrace.declare.feed import Feed
from headrace.declare.model import Days, Gate, Model
from headrace.declare.origin import Declared
from headrace.declare.table import Label, Table
from headrace.errors import DeclarationError, HeadraceError, UnknownNameError
from headrace.hints import nearest
from headrace.yamlfile import UNKNOWN_WORD, most_telling, reason

T = TypeVar("T")
Named = TypeVar("Named", Feed, Table, Model)
_KINDS = {
    kind.__name__: kind
    for kind in (
        *(Feed, Table, CutOff, Model, Check, Gate, Days, Label, Demo, File, Package, Version),
        *(inputs.Category, inputs.Number, inputs.Cyclic),
    )
}


@dataclass(frozen=True)
class UseCase:
    """What a package declares. ``folder`` holds its contracts and suites.

    Looking up a name raises UnknownNameError with the nearest known name.
    """

    package: str
    folder: Path
    feeds: dict[str, Feed]
    tables: dict[str, Table]
    models: dict[str, Model]
    demo: Demo | None = None

    def table(self, name: str) -> Table:
        return _known(self.tables, name, "table")

    def model(self, name: str) -> Model:
        return _known(self.models, name, "model")

    def published(self, name: str) -> Table | Model:
        """The table or model of this name, or the model whose scores have this name."""
        scores = {model.scores: model for model in self.models.values()}
        all_names: dict[str, Table | Model] = {**self.tables, **scores, **self.models}
        return _known(all_names, name, "table or model")

    def feed(self, name: str) -> Feed:
        return _known(self.feeds, name, "feed")

    def contract(self, source: Feed | Table) -> Contract:
        """The contract of a feed's files or a table's rows.

        Raises:
            DeclarationError: it is not a contract, or lacks what the platform relies on (see ``check_contract``).
        """
        file = self.folder / source.columns
        contract = Contract.read(file)
        check_contract(source, contract, file)
        return contract

    def in_order(self, *names: str) -> list[Table]:
        """The tables called ``names`` and all tables that they are made from, upstream first.

        Raises:
            DeclarationError: tables read one another in a circle.
        """
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
    """Import a use case's package and collect what it declares.

    Raises:
        DeclarationError: the package does not exist, or a declaration in it is wrong; names file and line.
    """
    try:
        module = importlib.import_module(package)
    except HeadraceError:
        raise
    except Exception as wrong:  # a declaration is code, so anything may be raised; the author needs the line
        if isinstance(wrong, ModuleNotFoundError) and f"{package}.".startswith(f"{wrong.name}."):
            hint = "It must be importable: is lib/ on PYTHONPATH?"
            raise DeclarationError(f"no package is called {package!r}", hint) from None
        raise DeclarationError(f"{_line(wrong, package)}: {_reason(wrong)}") from wrong
    _refuse_modules_of_that_name(module)
    return UseCase(
        package, _folder(module), _all(module, Feed), _all(module, Table), _all(module, Model), _demo(module)
    )


def _refuse_modules_of_that_name(package: ModuleType) -> None:
    """Refuse a variable that a module of the package would replace, once something imports that module."""
    for name, value in vars(package).items():
        file = file_of(f"{package.__name__}.{name}") if isinstance(value, Declared) else None
        if file is not None:
            raise DeclarationError(
                f"{value.origin}: the variable {name} has the name of the module {file}, which replaces it when a job "
                "imports the module",
                "Rename one of them",
            )


def _all(module: ModuleType, kind: type[Named]) -> dict[str, Named]:
    found: dict[str, Named] = {}
    for value in vars(module).values():
        if isinstance(value, kind) and found.setdefault(value.name, value) is not value:
            first = found[value.name].origin
            raise DeclarationError(f"{value.origin}: {value.name!r} is already declared at {first}")
    return found


def _demo(module: ModuleType) -> Demo | None:
    """The package's demo, under whatever name."""
    demo: Demo | None = None
    for value in vars(module).values():
        if isinstance(value, Demo) and value is not demo:
            if demo is not None:
                hint = "A use case has at most one Demo"
                raise DeclarationError(f"{value.origin}: a demo is already declared at {demo.origin}", hint)
            demo = value
    return demo


def _folder(module: ModuleType) -> Path:
    return Path(str(module.__file__)).parent


def _line(error: Exception, package: str) -> str:
    """The innermost line of the package's own files in the traceback; without one, the package's name."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    part = f"/{package.replace('.', '/')}/"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if part in f.filename]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else package


def _reason(error: Exception) -> str:
    """One sentence, with the nearest known word where a word is misspelt."""
    if isinstance(error, ValidationError):
        return _invalid(error)
    if isinstance(error, SyntaxError):
        return f"not Python: {error.msg}"
    word, known = _misspelt(error)
    return f"{type(error).__name__}: {error}. {nearest(word, known)}".rstrip(". ")


def _misspelt(error: Exception) -> tuple[str, list[str]]:
    """A name that does not exist, and the names that exist in that place."""
    place: Iterable[str] = ()
    word = str(getattr(error, "name", ""))
    if isinstance(error, AttributeError):
        place = dir(error.obj)
    elif isinstance(error, NameError):
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        place = frames[-1].f_globals
    elif isinstance(error, ImportError) and (quoted := re.match(r"cannot import name '(\w+)'", str(error))):
        place, word = dir(sys.modules.get(word)), quoted[1]
    return word, [name for name in place if not name.startswith("_")]


def _invalid(error: ValidationError) -> str:
    first = most_telling(error)
    known = [field for field in getattr(_KINDS.get(error.title), "__dataclass_fields__", ()) if field != "origin"]
    place = first["loc"][0] if first["loc"] else ""
    word = known[place] if isinstance(place, int) and place < len(known) else str(place)
    if first["type"] in UNKNOWN_WORD:
        return f"{error.title} takes no {word!r}. {nearest(word, known)}".rstrip()
    return ": ".join(part for part in (error.title, word, reason(first)) if part)
