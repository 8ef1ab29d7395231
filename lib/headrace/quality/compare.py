"""Compare two frames that should have the same rows, and show how the first of them differ.

Spark computes one aggregation. The driver gets counts and a single row, whatever the size of the frames.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

TOLERANCES = {"double": 1e-9, "float": 1e-6}  # relative; a float has only seven digits
SHOWN = 3  # columns in a sentence
_ROWS, _VALUES = "_rows", "_values"  # the number of rows with a key, and the values of one of them


@dataclass(frozen=True)
class Difference:
    """How two frames differ.

    Attributes:
        day: the first day that has a difference.
        key: the first key of that day that has one, in words.
        examples: what differs for that key: the column with both values. Without a column, the numbers of rows.
        columns: the number of rows that differ in each column.
        only_left, only_right: the number of keys that only one frame has.
        repeated: the number of keys that the frames have in different numbers of rows.
    """

    day: dt.date | None
    key: str
    examples: Mapping[str, tuple[Any, Any]]
    columns: Mapping[str, int]
    only_left: int
    only_right: int
    repeated: int


@dataclass(frozen=True)
class Comparison:
    """The number of keys in either frame, and how the frames differ; None if they do not."""

    rows: int
    difference: Difference | None


def compare(left: DataFrame, right: DataFrame, key: Sequence[str], day: str) -> Comparison:
    """Compare two frames row by row; rows belong together by their key, which may be null.

    Doubles are equal within a relative 1e-9, floats within 1e-6, also in arrays, structs and maps. NaN equals NaN, and
    null equals null. All else is compared exactly, maps inside other values as JSON. A column that one frame lacks
    counts as null there. A column of another type differs in all rows. Of rows that share a key, their number counts
    and one row is compared.
    """
    from pyspark.sql import functions as F

    types = {frame: {f.name: f.dataType for f in frame.schema.fields} for frame in (left, right)}
    keys = list(dict.fromkeys([day, *key]))
    columns = [c for c in {**types[left], **types[right]} if c not in keys]
    one = _by_key(left, keys, columns, types[left]).alias("l")
    other = _by_key(right, keys, columns, types[right]).alias("r")
    joined = one.join(other, [F.col(f"l.`{c}`").eqNullSafe(F.col(f"r.`{c}`")) for c in keys], "full")

    rows_left, rows_right = (F.coalesce(f"{side}.{_ROWS}", F.lit(0)) for side in ("l", "r"))
    on_both = (rows_left > 0) & (rows_right > 0)
    differs = {
        column: on_both & _differ(f"{_VALUES}.`{column}`", types[left].get(column), types[right].get(column))
        for column in columns
    }
    found = joined.select(
        F.struct(*[F.coalesce(f"l.`{c}`", f"r.`{c}`").alias(c) for c in keys]).alias("key"),
        F.col(f"l.{_VALUES}").alias("left"), F.col(f"r.{_VALUES}").alias("right"),
        rows_left.alias("rows_left"), rows_right.alias("rows_right"),
        F.struct(F.lit(False).alias("_"), *[is_other.alias(c) for c, is_other in differs.items()]).alias("differs"),
    )  # fmt: skip
    other_number = F.col("rows_left") != F.col("rows_right")
    repeated = other_number & (F.least("rows_left", "rows_right") > 0)
    is_other = reduce(or_, [F.col(f"differs.`{c}`") for c in columns], other_number)
    row = found.agg(
        F.count(F.lit(1)).alias("rows"),
        F.count_if(F.col("rows_right") == 0).alias("only_left"),
        F.count_if(F.col("rows_left") == 0).alias("only_right"),
        F.count_if(repeated).alias("repeated"),
        F.struct(F.lit(0).alias("_"), *[F.count_if(f"differs.`{c}`").alias(c) for c in columns]).alias("columns"),
        F.min(F.when(is_other, F.struct(*found.columns))).alias("first"),
    ).first()
    assert row is not None  # an aggregation without groups has one row
    return Comparison(row["rows"], _difference(row.asDict(recursive=True), day) if row["first"] else None)


def _by_key(frame: DataFrame, key: Sequence[str], columns: Sequence[str], types: Mapping[str, DataType]) -> DataFrame:
    """One row for each key: the number of its rows, and the values of the least of them."""
    from pyspark.sql import functions as F

    values = [_comparable(column, types.get(column)).alias(column) for column in columns]
    values = values or [F.lit(0).alias("_")]  # a struct needs a field
    return frame.groupBy(*[F.col(f"`{c}`") for c in key]).agg(
        F.count(F.lit(1)).alias(_ROWS), F.min(F.struct(*values)).alias(_VALUES)
    )


def _comparable(column: str, kind: DataType | None) -> Column:
    """A value that Spark can put in order, which it cannot do with maps: they become sorted arrays of their entries."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import MapType

    if kind is None:
        return F.lit(None)
    value = F.col(f"`{column}`")
    if isinstance(kind, MapType) and not _has_unordered(kind.valueType):
        return F.array_sort(F.map_entries(value))
    if _has_unordered(kind):
        return F.when(value.isNotNull(), F.to_json(F.struct(value), {"ignoreNullFields": "false"}))
    return value


def _has_unordered(kind: DataType) -> bool:
    return any(f'"{name}"' in kind.json() for name in ("map", "variant"))


def _differ(column: str, left: DataType | None, right: DataType | None) -> Column:
    from pyspark.sql import functions as F

    one, other = F.col(f"l.{column}"), F.col(f"r.{column}")
    kinds = [kind.simpleString() for kind in (left, right) if kind is not None]
    if len(set(kinds)) > 1:
        return F.lit(True)
    is_close = _are_close(one, other, left) if left is not None and right is not None else F.lit(False)
    return ~(one.eqNullSafe(other) | F.coalesce(is_close, F.lit(False)))


def _are_close(one: Column, other: Column, kind: DataType) -> Column:
    """Whether two values, as ``_comparable`` makes them, differ only by the last digits of floats; null if unknown."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import ArrayType, MapType, StructField, StructType

    def parts_are(a: Column, b: Column, part: DataType) -> Column:
        return a.eqNullSafe(b) | F.coalesce(_are_close(a, b, part), F.lit(False))

    if tolerance := TOLERANCES.get(kind.simpleString()):
        apart = F.abs(one - other)
        return (apart <= tolerance * F.least(F.abs(one), F.abs(other))) & (apart < float("inf"))
    if isinstance(kind, MapType) and not _has_unordered(kind.valueType):
        entry = StructType([StructField("key", kind.keyType), StructField("value", kind.valueType)])
        return _are_close(one, other, ArrayType(entry))
    if _has_unordered(kind):
        return F.lit(False)
    if isinstance(kind, ArrayType):
        alike = F.zip_with(one, other, lambda a, b: parts_are(a, b, kind.elementType))
        return (F.size(one) == F.size(other)) & F.forall(alike, lambda is_alike: is_alike)
    if isinstance(kind, StructType):
        fields = [parts_are(one.getField(f.name), other.getField(f.name), f.dataType) for f in kind.fields]
        return reduce(and_, fields, one.isNotNull() & other.isNotNull())
    return F.lit(False)


def _difference(row: Mapping[str, Any], day: str) -> Difference:
    first = row["first"]
    other = [column for column, differs in first["differs"].items() if differs]
    examples = {column: (first["left"][column], first["right"][column]) for column in other[:SHOWN]}
    counts = {column: count for column, count in row["columns"].items() if count}
    return Difference(
        day=first["key"][day],
        key=", ".join(f"{column}={value}" for column, value in first["key"].items()),
        examples=examples or {"": (first["rows_left"], first["rows_right"])},
        columns=dict(sorted(counts.items(), key=lambda item: -item[1])),
        only_left=row["only_left"],
        only_right=row["only_right"],
        repeated=row["repeated"],
    )
