"""Whether what a use case declares fits together: contracts, columns, functions, suites. No transform is imported."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from headrace.declare import resolve
from headrace.declare.contract import Contract
from headrace.declare.feed import Feed
from headrace.declare.model import Model
from headrace.declare.table import Table
from headrace.declare.usecase import UseCase
from headrace.errors import DeclarationError
from headrace.yamlfile import nearest


def validate(use_case: UseCase) -> str:
    """Check all declarations of a use case; returns what was checked, in words.

    Raises:
        DeclarationError: the first that is wrong, with file, line and the nearest right word.
    """
    _names(use_case)
    for feed in use_case.feeds.values():
        _contract(use_case, feed)
    for table in use_case.tables.values():
        _table(use_case, table)
    use_case.in_order(*use_case.tables)
    for model in use_case.models.values():
        _model(use_case, model)
    return f"{len(use_case.feeds)} feeds, {len(use_case.tables)} tables, {len(use_case.models)} models"


def _names(use_case: UseCase) -> None:
    """Tables and models are called ``schema.name``, and no two things that are kept have the same name."""
    taken: dict[str, object] = {}
    declared: list[Feed | Table | Model] = [*use_case.feeds.values(), *use_case.tables.values()]
    for one in [*declared, *use_case.models.values()]:
        if not isinstance(one, Feed) and not re.fullmatch(r"\w+\.\w+", one.name):
            what = "table" if isinstance(one, Table) else "model"
            hint = f"Call it {use_case.package}.{one.name.rpartition('.')[2]}"
            raise DeclarationError(f"{one.origin}: the name of a {what} is schema.{what}, not {one.name!r}", hint)
        name = one.scores if isinstance(one, Model) else one.name
        if name in taken:
            raise DeclarationError(f"{one.origin}: {name!r} is declared already at {taken[name]}")
        taken[name] = one.origin


def _contract(use_case: UseCase, of: Feed | Table) -> Contract:
    path = use_case.folder / of.columns
    if not path.exists():
        there = [str(p.relative_to(use_case.folder)) for p in use_case.folder.rglob("*.yaml")]
        raise DeclarationError(f"{of.origin}: there is no contract {of.columns!r}", nearest(of.columns, there))
    return use_case.contract(of)


def _table(use_case: UseCase, table: Table) -> None:
    contract = _contract(use_case, table)
    _columns(table.origin, f"contract {table.columns}", contract.columns, [table.day, *table.key, table.known_at])
    resolve.check(use_case.package, table.by, table.origin)
    for source in table.sources:
        if not isinstance(source.source, Feed | Table):
            raise DeclarationError(f"{table.origin}: {table.name} reads {source.source!r}, which is no feed or table")
        known = use_case.feeds if isinstance(source.source, Feed) else use_case.tables
        if source.name not in known:
            raise DeclarationError(
                f"{table.origin}: {table.name} reads {source.name!r}, which {use_case.package} does not declare"
            )
    for check in table.checks:
        if check.suite:
            _suite(use_case, check.suite, check.origin)


def _suite(use_case: UseCase, suite: str, where: object) -> None:
    path = use_case.folder / suite
    if not path.exists():
        there = [str(p.relative_to(use_case.folder)) for p in use_case.folder.rglob("*.json")]
        raise DeclarationError(f"{where}: there is no suite {suite!r}", nearest(suite, there))
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as wrong:
        raise DeclarationError(f"{path}: not JSON: {wrong}") from None
    if not isinstance(content, dict) or not {"name", "expectations"} <= set(content):
        raise DeclarationError(f"{path}: no Great Expectations suite", "It has a name and a list of expectations")


def _model(use_case: UseCase, model: Model) -> None:
    contract = use_case.contract(model.table)
    for one in model.inputs:
        _columns(one.origin, model.table.name, contract.columns, [one.column])
    _columns(model.gate.origin, model.table.name, contract.columns, model.gate.slices)
    twice = sorted({c for c in model.columns if model.columns.count(c) > 1})
    if twice:
        raise DeclarationError(f"{model.origin}: {model.name} takes {', '.join(twice)} twice")
    if model.label.table.key != model.table.key:
        raise DeclarationError(
            f"{model.origin}: the label's table {model.label.table.name} has another key than {model.table.name}",
            f"Both need {', '.join(model.table.key)}",
        )
    resolve.check(use_case.package, model.network, model.origin)


def _columns(where: object, owner: str, known: Iterable[str], wanted: Iterable[str]) -> None:
    known = list(known)
    for column in wanted:
        if column not in known:
            raise DeclarationError(f"{where}: {owner} has no column {column!r}", nearest(column, known))
