"""Compare what a table's code makes now with what is published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.declare import Feed, Table
from headrace.errors import CodeNotAcceptedError
from headrace.stages.batch import Batch, DayCount, staged
from headrace.stages.context import StageContext
from headrace.stages.sources import read_source
from headrace.stages.transform_errors import transform_errors

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

TOLERANCE = 1e-9  # relative, of floats
BUILT, PUBLISHED = "_built", "_published"
HINT = "Build the days without --accept-code if the new rows are right"


def verify_published(context: StageContext, table: Table, days: Sequence[dt.date]) -> None:
    """Build each of some published days, and compare its rows with the published ones. Nothing is published.

    Raises:
        CodeNotAcceptedError: a day differs; names the day, the column and an example.
    """
    for day in days:
        alone = DayRange(day, day)
        inputs = [read_source(context, source, alone) for source in table.sources]
        try:
            with transform_errors(table):
                batch = staged(context, table, alone, inputs)
                try:
                    _compare(context, table, day, batch)
                finally:
                    batch.release()
        finally:
            for source in inputs:
                source.release()


def _compare(context: StageContext, table: Table, day: dt.date, batch: Batch) -> None:
    target = context.table(table)
    found = batch.refused.get(day, "") or _other_count(table, target.publications[day].quarantined, batch.counts[day])
    found = found or difference(batch.good, target.read(context.spark, DayRange(day, day)), table.key)
    if found:
        raise CodeNotAcceptedError(f"{table.name} of {day} is not as published if it is built now: {found}", HINT)


def _other_count(table: Table, published: int, built: DayCount) -> str:
    """Whether more or fewer rows are quarantined, in words.

    Bad rows of a reference feed count on the first day of a range. So a day that is built alone may have more of them.
    """
    references = [s.name for s in table.sources if isinstance(s.source, Feed) and not s.source.daily]
    own = built.bad - sum(built.quarantined.get(name, 0) for name in set(references))
    return "" if published in (own, built.bad) else f"{built.bad:,} rows are quarantined, and were {published:,}"


def difference(built: DataFrame, published: DataFrame, key: Sequence[str]) -> str:
    """What differs between two frames with the same key, with an example; empty if nothing does.

    Rows are matched by their key. A column that one frame lacks counts as null.
    """
    from pyspark.sql import functions as F

    columns = list(dict.fromkeys([*built.columns, *published.columns]))
    kinds = dict(published.dtypes) | dict(built.dtypes)

    def sided(frame: DataFrame, side: str) -> DataFrame:
        values = [F.col(f"`{c}`") if c in frame.columns else F.lit(None).alias(c) for c in columns]
        return frame.select(*key, F.struct(*values).alias(side))

    def differs(column: str) -> Column:
        one, other = F.col(f"{BUILT}.`{column}`"), F.col(f"{PUBLISHED}.`{column}`")
        same = one.eqNullSafe(other)
        if kinds[column] in ("float", "double"):
            close = F.abs(one - other) <= TOLERANCE * F.greatest(F.abs(one), F.abs(other))
            same = same | F.coalesce(close, F.lit(False))
        return ~same

    pairs = sided(built, BUILT).join(sided(published, PUBLISHED), list(key), "full")
    differing = F.array_compact(F.array(*[F.when(differs(column), F.lit(column)) for column in columns]))
    lacking = F.col(BUILT).isNull() | F.col(PUBLISHED).isNull()
    row = pairs.withColumn("_differing", differing).filter(lacking | (F.size("_differing") > 0)).first()
    if row is None:
        return ""
    which, one, other = ", ".join(f"{column}={row[column]}" for column in key), row[BUILT], row[PUBLISHED]
    if one is None or other is None:
        return f"the row {which} is {'missing' if one is None else 'new'}"
    column = row["_differing"][0]
    return f"{column} is {one[column]!r}, and was {other[column]!r}, in the row {which}"
