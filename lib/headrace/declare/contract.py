"""A contract: the columns and types that a feed's files or a table's rows must have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from headrace.errors import DeclarationError
from headrace.yamlfile import nearest, read_mapping, validate

TYPES = ("string", "int", "bigint", "float", "double", "boolean", "date", "timestamp")
_DDL = re.compile(rf"({'|'.join(TYPES)})( not null)?")


def _ddl(ddl: str) -> str:
    if not _DDL.fullmatch(ddl):
        kind = ddl.removesuffix(" not null")
        raise ValueError(f"{ddl!r} is no type, perhaps followed by 'not null'. {nearest(kind, TYPES)}")
    return ddl


class Contract(BaseModel):
    """Columns in order, each with a Spark SQL type and perhaps ``not null``.

    ``missing`` is the text that stands for a missing value in a feed's files, beside the empty one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: dict[str, Annotated[str, AfterValidator(_ddl)]]
    missing: str = ""

    @classmethod
    def read(cls, path: Path) -> Contract:
        """Raises DeclarationError, which names file and line."""
        return validate(cls, read_mapping(path, DeclarationError), [path], DeclarationError)

    def type_of(self, column: str) -> str:
        return self.columns[column].removesuffix(" not null")

    @property
    def required(self) -> list[str]:
        """Columns that may not be null."""
        return [name for name, ddl in self.columns.items() if ddl.endswith(" not null")]
