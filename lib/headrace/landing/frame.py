"""Read landed files as a DataFrame with the contract's types. Rows that do not fit it are marked, not lost."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from headrace.declare import Contract, Feed
from headrace.declare.formats import Csv
from headrace.expressions import columns_of, tried, values_of
from headrace.landing.record import Record, folder
from headrace.landing.texts import typed
from headrace.storage import Place, spark_uri

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

REASONS = "_reasons"
DELIVERED_FOR = "_delivered_for"  # a date; null for a reference feed
RAW = "_raw"  # the row as it was delivered, if it is rejected
TORN = "_torn"  # the line itself, where it has more or fewer cells than the header


def read(spark: SparkSession, feed: Feed, contract: Contract, records: Iterable[Record], raw: Place) -> DataFrame:
    """The rows of landed days: the contract's columns and three more.

    ``_reasons`` is an array of strings that say why a row is rejected; it is empty for a row that fits the contract.
    ``_delivered_for`` is the day of the row's file, or null for a reference feed. ``_raw`` holds a rejected
    row's cells as JSON, or a torn line as it is.

    A file may have its columns in another order, or more columns: it is read by its own header.
    """
    from pyspark.sql import functions as F

    frames = []
    files = sorted(
        (f.columns, f.newlines, spark_uri(folder(raw, r.feed, r.day) / f.stored))
        for r in records
        for f in r.files
        if f.rows != 0  # such a file may lack a header
    )
    for (header, newlines), group in itertools.groupby(files, key=lambda file: file[:2]):
        schema = ", ".join(f"`{column}` string" for column in (*header, TORN))
        reader = spark.read.options(header=True, mode="PERMISSIVE", nullValue=contract.missing)
        # Spark detects torn lines only where it parses all columns, so pruning is off.
        reader = reader.options(columnNameOfCorruptRecord=TORN, columnPruning=False)
        reader = reader.options(multiLine=newlines, **_dialect(feed.format))
        text = reader.csv([path for *_, path in group], schema=schema)
        raw_row = F.coalesce(TORN, F.to_json(F.struct(*[F.col(f"`{column}`") for column in header])))
        day = F.regexp_extract(F.input_file_name(), r"/(\d{4}-\d{2}-\d{2})/[^/]+$", 1).try_cast("date")
        frames.append(_typed(text.withColumns({DELIVERED_FOR: day, RAW: raw_row}), feed, contract))
    if not frames:
        ddl = ", ".join(f"`{c}` {contract.type_of(c)}" for c in contract.columns)
        return spark.createDataFrame([], f"{ddl}, {REASONS} array<string>, {DELIVERED_FOR} date, {RAW} string")
    result = frames[0]
    for frame in frames[1:]:
        result = result.unionByName(frame)
    return result.withColumn(RAW, F.when(F.size(REASONS) > 0, F.col(RAW)))


def _dialect(format: Csv) -> dict[str, str]:
    """The names that Spark has for it."""
    return {"sep": format.separator, "quote": format.quote, "escape": format.escapes}


def _typed(text: DataFrame, feed: Feed, contract: Contract) -> DataFrame:
    from pyspark.sql import functions as F

    # Spark refuses a query on the corrupt-record column alone, so the first column is part of the expression.
    torn = F.length(F.concat(F.col(TORN), F.coalesce(F.col(f"`{text.columns[0]}`"), F.lit("")))) >= 0
    reasons = [F.when(torn, F.lit(f"{feed.name}: a line with more or fewer cells than the header"))]
    values: list[Column] = []
    for column in contract.columns:
        value, kind = F.col(f"`{column}`"), contract.type_of(column)
        cast = typed(value, kind)
        values.append(cast.alias(column))
        if kind != "string":
            reason = F.concat(F.lit(f"{feed.name}.{column}: '"), value, F.lit(f"' is not a valid {kind}"))
            reasons.append(F.when(value.isNotNull() & cast.isNull(), reason))
        if column in contract.required:
            reasons.append(F.when(value.isNull(), F.lit(f"{feed.name}.{column} is null")))
    frame = text.select(*values, F.array_compact(F.array(*reasons)).alias(REASONS), DELIVERED_FOR, RAW)
    return _of_its_day(frame, feed) if feed.day else frame


def _of_its_day(frame: DataFrame, feed: Feed) -> DataFrame:
    """The frame, in which a row is rejected unless the feed's ``day`` is the day that its file was delivered for."""
    from pyspark.sql import functions as F

    inputs = values_of(columns_of(frame, feed.day, feed.origin))
    reason = F.concat(
        F.lit(f"{feed.name}: a row of another day than "), F.col(DELIVERED_FOR).cast("string"),
        F.lit(" ("), inputs, F.lit(")"),
    )  # fmt: skip
    fits = tried(F.expr(f"({feed.day}) <=> {DELIVERED_FOR}"))  # null where the expression raises an error
    return frame.withColumn(REASONS, F.when(fits, F.col(REASONS)).otherwise(F.array_append(REASONS, reason)))
