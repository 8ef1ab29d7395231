"""Check that a use case's declarations fit together: contracts, columns, functions, suites, the demo.

No transform is imported.
"""

from __future__ import annotations

import json
import re

from headrace.declare import resolve
from headrace.declare.columns import check_known
from headrace.declare.contract import Contract
from headrace.declare.demo import Demo
from headrace.declare.feed import Feed
from headrace.declare.model import Model
from headrace.declare.table import Table
from headrace.declare.usecase import UseCase
from headrace.errors import DeclarationError, UnknownNameError
from headrace.hints import nearest


def validate(use_case: UseCase) -> str:
    """Check all declarations of a use case; returns how many there are, in words.

    Raises:
        DeclarationError: the first declaration that is wrong, with file, line and the nearest known word.
    """
    _names(use_case)
    for feed in use_case.feeds.values():
        _contract(use_case, feed)
    for table in use_case.tables.values():
        _table(use_case, table)
    use_case.in_order(*use_case.tables)
    for model in use_case.models.values():
        _model(use_case, model)
    if use_case.demo:
        _demo(use_case, use_case.demo)
    return f"{len(use_case.feeds)} feeds, {len(use_case.tables)} tables, {len(use_case.models)} models"


def _names(use_case: UseCase) -> None:
    """Tables and models are called ``schema.name``, and names are unique, including the tables of scores."""
    taken: dict[str, object] = {}
    declared: list[Feed | Table | Model] = [*use_case.feeds.values(), *use_case.tables.values()]
    for declaration in [*declared, *use_case.models.values()]:
        if not isinstance(declaration, Feed) and not re.fullmatch(r"\w+\.\w+", declaration.name):
            what = "table" if isinstance(declaration, Table) else "model"
            hint = f"Call it {use_case.package}.{declaration.name.rpartition('.')[2]}"
            raise DeclarationError(
                f"{declaration.origin}: the name of a {what} is schema.{what}, not {declaration.name!r}", hint
            )
        name = declaration.scores if isinstance(declaration, Model) else declaration.name
        if name in taken:
            raise DeclarationError(f"{declaration.origin}: {name!r} is already declared at {taken[name]}")
        taken[name] = declaration.origin


def _contract(use_case: UseCase, source: Feed | Table) -> Contract:
    if not (use_case.folder / source.columns).exists():
        files = [str(p.relative_to(use_case.folder)) for p in use_case.folder.rglob("*.yaml")]
        hint = nearest(source.columns, files)
        raise DeclarationError(f"{source.origin}: the contract {source.columns!r} does not exist", hint)
    return use_case.contract(source)


def _table(use_case: UseCase, table: Table) -> None:
    _contract(use_case, table)
    resolve.check(use_case.package, table.by, table.origin)
    for source in table.sources:
        known = use_case.feeds if isinstance(source.source, Feed) else use_case.tables
        if source.name not in known:
            raise DeclarationError(
                f"{table.origin}: {table.name} reads {source.name!r}, which {use_case.package} does not declare"
            )
    for check in table.checks:
        if check.suite:
            _suite(use_case, check.suite, check.origin)
    for other in table.depends_on:
        other.digest(use_case.folder)


def _suite(use_case: UseCase, suite: str, where: object) -> None:
    path = use_case.folder / suite
    if not path.exists():
        files = [str(p.relative_to(use_case.folder)) for p in use_case.folder.rglob("*.json")]
        raise DeclarationError(f"{where}: the suite {suite!r} does not exist", nearest(suite, files))
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as wrong:
        raise DeclarationError(f"{path}: not JSON: {wrong}") from None
    if not isinstance(content, dict) or not {"name", "expectations"} <= set(content):
        raise DeclarationError(
            f"{path}: not a Great Expectations suite", "A suite has a name and a list of expectations"
        )


def _model(use_case: UseCase, model: Model) -> None:
    contract = use_case.contract(model.table)
    for declared_input in model.inputs:
        check_known(declared_input.origin, model.table.name, contract.columns, [declared_input.column])
        kind, word = contract.type_of(declared_input.column), type(declared_input).__name__.lower()
        if kind not in declared_input.types:
            raise DeclarationError(
                f"{declared_input.origin}: {declared_input.column} is {kind}, which {word}() does not take",
                f"It takes {', '.join(declared_input.types)}; compute such a column in the table's transform",
            )
    check_known(model.gate.origin, model.table.name, contract.columns, model.gate.slices)
    duplicates = sorted({c for c in model.columns if model.columns.count(c) > 1})
    if duplicates:
        raise DeclarationError(f"{model.origin}: {model.name} takes {', '.join(duplicates)} twice")
    if model.label.table.key != model.table.key:
        raise DeclarationError(
            f"{model.origin}: the label's table {model.label.table.name} has another key than {model.table.name}",
            f"Both need {', '.join(model.table.key)}",
        )
    resolve.check(use_case.package, model.network, model.origin)


def _demo(use_case: UseCase, demo: Demo) -> None:
    try:
        use_case.table(demo.table)
        use_case.model(demo.model)
    except UnknownNameError as unknown:
        raise DeclarationError(f"{demo.origin}: {unknown.what}", unknown.hint) from None
    resolve.check(use_case.package, demo.deliver, demo.origin)
