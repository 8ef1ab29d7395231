"""A contract: the columns and types that a feed's files or a table's rows must have."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from headrace.errors import DeclarationError
from headrace.frozen import FrozenModel
from headrace.hints import nearest
from headrace.yamlfile import read_mapping, validate

TYPES = ("string", "int", "bigint", "float", "double", "boolean", "date", "timestamp")
_DDL = re.compile(rf"({'|'.join(TYPES)})( not null)?")


def _ddl(ddl: str) -> str:
    if not _DDL.fullmatch(ddl):
        kind = ddl.removesuffix(" not null")
        raise ValueError(f"{ddl!r} is not a known type, with or without 'not null'. {nearest(kind, TYPES)}")
    return ddl


class Contract(FrozenModel):
    """Columns in order, each with a Spark SQL type and optionally ``not null``.

    ``missing`` is the text that means a missing value in a feed's files; an empty cell always means one.
    """

    columns: dict[str, Annotated[str, AfterValidator(_ddl)]]
    missing: str = ""

    @classmethod
    def read(cls, path: Path) -> Contract:
        """Read a YAML file.

        Raises:
            DeclarationError: it is not a contract; the error names file and line.
        """
        return validate(cls, read_mapping(path, DeclarationError), [path], DeclarationError)

    def type_of(self, column: str) -> str:
        """The Spark SQL type of a column, without ``not null``."""
        return self.columns[column].removesuffix(" not null")

    @property
    def required(self) -> list[str]:
        """Columns that may not be null."""
        return [name for name, ddl in self.columns.items() if ddl.endswith(" not null")]

    def differences(
        self, columns: Iterable[str], types: Mapping[str, str] | None = None, *, allow_new: bool = False
    ) -> list[str]:
        """How ``columns`` differ from the contract, one phrase a difference; empty if they agree in any order.

        Args:
            types: the columns' Spark SQL types; left out, types are not compared.
            allow_new: whether columns that the contract does not have are accepted.
        """
        columns = list(columns)
        new = [column for column in columns if column not in self.columns]
        found = []
        for column in self.columns:
            if column not in columns:
                similar = difflib.get_close_matches(column, new, n=1)
                found.append(f"{column!r} is missing" + (f" (is it {similar[0]!r}?)" if similar else ""))
            elif types is not None and types[column] != self.type_of(column):
                found.append(f"{column!r} is {types[column]}, not {self.type_of(column)}")
        return found if allow_new else [*found, *(f"{column!r} is not in the contract" for column in new)]
