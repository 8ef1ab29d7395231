"""Change what became known after an instant: a transform must not show it in rows that were known by then."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from headrace.declare import Feed, Table
from headrace.stages.sources import Input

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

BY = 1000  # numbers move by it, up or down, so that they cross the limits that a transform may compare them with


@dataclass(frozen=True)
class KnownWhen:
    """When the rows of a source became known.

    Attributes:
        row: a Spark SQL expression with the instant.
        kept: columns that say which row it is and when it became known; they are not changed.
        earlier: columns that became known before their row, each with the column that has the instant.
    """

    row: str
    kept: frozenset[str]
    earlier: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, read: Input) -> KnownWhen | None:
        """What the source declares; None for a feed that does not say when its rows became known."""
        from headrace.expressions import columns_of

        source = read.source.source
        if isinstance(source, Table):
            earlier = {column: at for at, columns in source.known_earlier.items() for column in columns}
            return cls(f"`{source.known_at}`", frozenset([source.day, source.known_at, *source.key]), earlier)
        assert isinstance(source, Feed)  # a source is one or the other
        if not source.known_at:
            return None
        expressions = [expression for expression in (source.day, source.known_at) if expression]
        kept = [c for expression in expressions for c in columns_of(read.rows, expression, source.origin)]
        return cls(source.known_at, frozenset(kept))

    def is_later(self, than: dt.datetime, column: str = "") -> Column:
        """Whether the row, or a column of it, became known after an instant; never null."""
        from pyspark.sql import functions as F

        at = F.expr(self.row)
        if column in self.earlier:
            at = F.least(F.col(f"`{self.earlier[column]}`"), at)  # without the instant, as late as the row
        return F.coalesce(at > F.lit(than), F.lit(False))


def later_rows(read: Input, known: KnownWhen, than: dt.datetime) -> int:
    """The number of rows that became known after an instant."""
    return read.rows.filter(known.is_later(than)).count()


def left_out(read: Input, known: KnownWhen, than: dt.datetime) -> Input:
    """The source without what became known after an instant: without rows, or with nulls in a row known in part."""
    from pyspark.sql import functions as F

    later = {column: known.is_later(than, column) for column in read.rows.columns if column not in known.kept}
    whole = reduce(and_, [later[column] for column in known.earlier], known.is_later(than))
    values = {column: F.when(~is_later, F.col(f"`{column}`")) for column, is_later in later.items()}
    return dataclasses.replace(read, rows=read.rows.filter(~whole).withColumns(values))


def altered(read: Input, known: KnownWhen, than: dt.datetime) -> Input:
    """The source with other values wherever they became known after an instant."""
    from pyspark.sql import functions as F

    rows = read.rows
    values = {
        field.name: F.when(known.is_later(than, field.name), _other(rows, field.name, field.dataType, than)).otherwise(
            F.col(f"`{field.name}`")
        )
        for field in rows.schema.fields
        if field.name not in known.kept
    }
    return dataclasses.replace(read, rows=rows.withColumns(values))


def _other(rows: DataFrame, column: str, kind: DataType, than: dt.datetime) -> Column:
    """Another value: nulls get one, half of the numbers grow, and instants come to lie after ``than``."""
    from pyspark.sql import functions as F
    from pyspark.sql import types as T

    value = F.col(f"`{column}`")
    if isinstance(kind, T.NumericType):
        by = F.when(F.pmod(F.xxhash64(*[F.col(f"`{c}`") for c in rows.columns]), F.lit(2)) == 0, BY).otherwise(-BY)
        return F.try_add(F.coalesce(value, F.lit(0)), by).try_cast(kind)
    if isinstance(kind, T.StringType):
        return F.concat(F.coalesce(value, F.lit("")), F.lit("~"))
    if isinstance(kind, T.BooleanType):
        return F.coalesce(~value, F.lit(True))
    if isinstance(kind, T.DateType):
        return F.date_add(F.greatest(value, F.to_date(F.lit(than))), 1)
    if isinstance(kind, T.TimestampType):
        return F.greatest(value, F.lit(than)) + F.expr("INTERVAL 1 DAY")
    return F.lit(None).cast(kind)


Change = Callable[[Input, KnownWhen, dt.datetime], Input]
HOW: dict[str, Change] = {"left out": left_out, "altered": altered}
