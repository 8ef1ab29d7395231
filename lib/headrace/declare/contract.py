"""A contract: the columns and types that a feed's files or a table's rows must have."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, field_validator

from headrace.errors import DeclarationError
from headrace.yamlfile import read_mapping, validate

TYPES = ("string", "int", "bigint", "float", "double", "boolean", "date", "timestamp")
_DDL = re.compile(rf"({'|'.join(TYPES)})( not null)?")


class Contract(BaseModel):
    """Columns in order, each with a Spark SQL type and perhaps ``not null``.

    ``missing`` is the text that stands for a missing value in a feed's files, beside the empty one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: dict[str, str]
    missing: str = ""

    @field_validator("columns")
    @classmethod
    def _ddl(cls, columns: dict[str, str]) -> dict[str, str]:
        for name, ddl in columns.items():
            if not _DDL.fullmatch(str(ddl)):
                raise ValueError(f"column {name}: {ddl!r} is not one of {', '.join(TYPES)}, each perhaps 'not null'")
        return columns

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
