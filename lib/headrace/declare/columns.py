"""The columns that every table needs: without them rows would vanish, and nobody would count them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from headrace.declare.contract import Contract
from headrace.declare.feed import Feed
from headrace.declare.table import Table
from headrace.errors import DeclarationError
from headrace.hints import nearest
from headrace.yamlfile import line_of

RESERVED = "_"  # the platform's own columns begin with it


def check_contract(source: Feed | Table, contract: Contract, file: Path) -> None:
    """Check that the contract of a feed or a table has the columns that the platform relies on.

    Args:
        file: the contract's file, which begins an error about one of its columns.

    Raises:
        DeclarationError: a name is reserved. Or a table's day, key or ``known_at`` is missing, may be null, or has
            another type. Or its key lacks the day.
    """
    if isinstance(source, Table):
        _check_table(source, contract, file)
    for column in contract.columns:
        if column.startswith(RESERVED):
            raise DeclarationError(
                f"{_line(file, column)}: the name {column!r} is reserved",
                f"Names that begin with {RESERVED} are the platform's: choose another one",
            )


def check_known(where: object, owner: str, known: Iterable[str], wanted: Iterable[str]) -> None:
    """Raise DeclarationError for the first of the ``wanted`` columns that ``owner`` does not have."""
    known = list(known)
    for column in wanted:
        if column not in known:
            raise DeclarationError(f"{where}: {owner} has no column {column!r}", nearest(column, known))


def _check_table(table: Table, contract: Contract, file: Path) -> None:
    check_known(table.origin, f"contract {table.columns}", contract.columns, [table.day, *table.key, table.known_at])
    earlier = [column for at, columns in table.known_earlier.items() for column in (at, *columns)]
    check_known(table.origin, f"contract {table.columns}", contract.columns, earlier)
    if table.day not in table.key:
        raise DeclarationError(
            f"{table.origin}: the key of {table.name} lacks its day column {table.day!r}, so days that are built apart "
            "could have rows with the same key",
            f"Write key={json.dumps([table.day, *table.key])}",
        )
    needed = {column: f"{contract.type_of(column)} not null" for column in table.key}
    needed |= {table.known_at: "timestamp not null", table.day: "date not null"}
    for column, ddl in needed.items():
        if contract.columns[column] != ddl:
            role = {table.day: "the day", table.known_at: "known_at"}.get(column, "part of the key")
            raise DeclarationError(
                f"{_line(file, column)}: {column!r} is {role} of {table.name} and cannot be "
                f"{contract.columns[column]!r}: its rows would be lost or mixed up",
                f"Write `{column}: {ddl}`",
            )


def _line(file: Path, column: str) -> str:
    """The file and the line of a column in it."""
    return f"{file}:{line_of(file, ('columns', column))}"
