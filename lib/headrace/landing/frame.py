"""Landed files as a DataFrame with the contract's types; rows that do not fit it are told apart, not lost."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from headrace.declare import Contract, Feed
from headrace.landing.record import Record, folder
from headrace.storage import Place, spark_uri

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

REASONS = "_reasons"
DELIVERED_FOR = "_delivered_for"  # a date; null for a reference feed
RAW = "_raw"  # the row as it was delivered
TORN = "_torn"  # a line with more or fewer cells than the header


def read(spark: SparkSession, feed: Feed, contract: Contract, records: Iterable[Record], raw: Place) -> DataFrame:
    """The rows of landed days: the contract's columns, then ``_reasons`` (array of string: why a row does not fit),
    ``_delivered_for`` (the day, or null for a reference feed) and ``_raw`` (its cells as JSON; a torn line as it is).

    Files with another order of columns, or with columns more than the contract's, are read by their own header.
    """
    from pyspark.sql import functions as F

    frames = []
    files = sorted((f.columns, spark_uri(folder(raw, r.feed, r.day) / f.stored)) for r in records for f in r.files)
    for header, group in itertools.groupby(files, key=lambda pair: pair[0]):
        schema = ", ".join(f"`{column}` string" for column in (*header, TORN))
        reader = spark.read.options(header=True, mode="PERMISSIVE", nullValue=contract.missing)
        # Without all columns Spark does not see that a line is torn.
        reader = reader.options(columnNameOfCorruptRecord=TORN, columnPruning=False)
        text = reader.csv([path for _, path in group], schema=schema)
        raw_row = F.coalesce(TORN, F.to_json(F.struct(*[F.col(f"`{column}`") for column in header])))
        day = F.regexp_extract(F.input_file_name(), r"/(\d{4}-\d{2}-\d{2})/[^/]+$", 1).try_cast("date")
        frames.append(_typed(text.withColumns({DELIVERED_FOR: day, RAW: raw_row}), feed, contract))
    if not frames:
        ddl = ", ".join(f"`{c}` {contract.type_of(c)}" for c in contract.columns)
        return spark.createDataFrame([], f"{ddl}, {REASONS} array<string>, {DELIVERED_FOR} date, {RAW} string")
    result = frames[0]
    for frame in frames[1:]:
        result = result.unionByName(frame)
    return result


def _typed(text: DataFrame, feed: Feed, contract: Contract) -> DataFrame:
    from pyspark.sql import functions as F

    # Spark refuses to read the column of torn lines alone, so another one is asked for with it.
    torn = F.length(F.concat(F.col(TORN), F.coalesce(F.col(f"`{text.columns[0]}`"), F.lit("")))) >= 0
    reasons = [F.when(torn, F.lit(f"{feed.name}: a line with more or fewer cells than the header"))]
    typed: list[Column] = []
    for column in contract.columns:
        value, kind = F.col(f"`{column}`"), contract.type_of(column)
        cast = value.try_cast(kind)
        typed.append(cast.alias(column))
        if kind != "string":
            said = F.concat(F.lit(f"{feed.name}.{column}: '"), value, F.lit(f"' is no {kind}"))
            reasons.append(F.when(value.isNotNull() & cast.isNull(), said))
        if column in contract.required:
            reasons.append(F.when(value.isNull(), F.lit(f"{feed.name}.{column} is null")))
    frame = text.select(*typed, F.array_compact(F.array(*reasons)).alias(REASONS), DELIVERED_FOR, RAW)
    if feed.day:
        other = F.concat(F.lit(f"{feed.name}: a row of another day than "), F.col(DELIVERED_FOR).cast("string"))
        right = F.expr(f"{feed.day} <=> {DELIVERED_FOR}")
        frame = frame.withColumn(REASONS, F.when(right, F.col(REASONS)).otherwise(F.array_append(REASONS, other)))
    return frame
