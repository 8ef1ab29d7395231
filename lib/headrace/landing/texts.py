"""Which texts of a file are values of a type. Spark's own casts take more, such as a time of day as a timestamp."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column

FLOATS = ("float", "double")
_DAY = r"\d{4}-\d{1,2}-\d{1,2}"
_MIDNIGHT = r"([T ]00:00(:00(\.0+)?)?)?"
_TIME = r"\d{1,2}(:\d{1,2}(:\d{1,2}(\.\d+)?)?)?"
_ZONE = r"([+-]\d{1,2}(:?\d{2})?|[A-Za-z][A-Za-z0-9/_:+-]*)"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_NO_NUMBER = r"^\s*([+-]?(?i:inf|infinity)|(?i:nan))\s*$"
# Of the other types, Spark takes no odd texts. Blanks around a value do not count.
PATTERNS = {
    **dict.fromkeys(FLOATS, rf"^\s*{_NUMBER}\s*$"),
    "date": rf"^\s*{_DAY}{_MIDNIGHT}\s*$",
    "timestamp": rf"^\s*{_DAY}([T ]{_TIME}\s*{_ZONE}?)?\s*$",
}


def typed(text: Column, kind: str) -> Column:
    """The value of a text; null if it is not a value of the type ``kind``, a Spark SQL type."""
    from pyspark.sql import functions as F

    value = text.try_cast(kind)
    if kind not in PATTERNS:
        return value
    fits = text.rlike(PATTERNS[kind])
    if kind in FLOATS:  # a number that is too large would be infinite
        fits = (fits & (F.abs(value) < float("inf"))) | text.rlike(_NO_NUMBER)
    return F.when(fits, value)
