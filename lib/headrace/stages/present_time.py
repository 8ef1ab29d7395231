"""Find the present time in a transform: rows that depend on it are others on another day, though not a minute later."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headrace.declare import Table
from headrace.errors import DifferentRowsError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_FUNCTIONS = re.compile(r"\b(current_date|current_time|current_timestamp|localtimestamp|now)\(")
_FIELDS = "spark.sql.debug.maxToStringFields"  # Spark leaves out of a plan's text what is beyond them


def present_time(rows: DataFrame) -> list[str]:
    """The functions in the query of a frame that give the present time. Python's own clock cannot be seen in it."""
    conf, before = rows.sparkSession.conf, rows.sparkSession.conf.get(_FIELDS)
    conf.set(_FIELDS, 1_000_000)
    try:
        plan = rows._jdf.queryExecution().analyzed().toString()
    finally:
        conf.set(_FIELDS, str(before))
    return sorted({f"{name}()" for name in _FUNCTIONS.findall(plan)})


def uses_present_time(table: Table, rows: DataFrame) -> list[DifferentRowsError]:
    """An error if the rows that a table's transform returned depend on the present time; none otherwise."""
    if not (found := present_time(rows)):
        return []
    what = f"{table.name} uses {', '.join(found)}, so it has other rows when it is built again later"
    return [DifferentRowsError(what, "Use the row's day or an instant of its own instead")]
