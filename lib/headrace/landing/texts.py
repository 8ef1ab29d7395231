"""Which texts of a file are values of a type. Spark's own casts take more, such as a time of day as a timestamp."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column

_DAY = r"\d{4}-\d{1,2}-\d{1,2}"
_ZONE = r"(Z|UTC|GMT|[+-]\d{1,2}(:?\d{2})?|[A-Za-z]+/[A-Za-z_/+-]+)"
_NUMBER = r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf|infinity)|(?i:nan))"
# Of the other types, Spark takes no odd texts. Blanks around a value do not count.
PATTERNS = {
    "float": rf"^\s*{_NUMBER}\s*$",
    "double": rf"^\s*{_NUMBER}\s*$",
    "date": rf"^\s*{_DAY}\s*$",
    "timestamp": rf"^\s*{_DAY}([T ]\d{{1,2}}:\d{{2}}(:\d{{2}}(\.\d{{1,9}})?)?\s*{_ZONE}?)?\s*$",
}


def typed(text: Column, kind: str) -> Column:
    """The value of a text; null if it is not a value of the type ``kind``, a Spark SQL type."""
    from pyspark.sql import functions as F

    value = text.try_cast(kind)
    return F.when(text.rlike(PATTERNS[kind]), value) if kind in PATTERNS else value
