"""Landed files as a DataFrame with the contract's types; rows that do not fit it are told apart, not lost."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.declare import Contract, Feed
from headrace.landing.record import Record, folder

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

REASONS = "_reasons"
DELIVERED_FOR = "_delivered_for"  # a date; null for a reference feed


def read(spark: SparkSession, feed: Feed, contract: Contract, records: Iterable[Record], raw: Path) -> DataFrame:
    """The rows of landed days: the contract's columns, then ``_reasons`` (array of string: why a row does not fit) and
    ``_delivered_for`` (the day, or null for a reference feed).

    Files with another order of columns, or with columns more than the contract's, are read by their own header.
    """
    from pyspark.sql import functions as F

    frames = []
    files = sorted((f.columns, str(folder(raw, r.feed, r.day) / f.stored)) for r in records for f in r.files)
    for header, group in itertools.groupby(files, key=lambda pair: pair[0]):
        schema = ", ".join(f"`{column}` string" for column in header)
        paths = [path for _, path in group]
        text = spark.read.csv(paths, schema=schema, header=True, mode="PERMISSIVE", nullValue=contract.missing)
        day = F.regexp_extract(F.input_file_name(), r"/(\d{4}-\d{2}-\d{2})/[^/]+$", 1).try_cast("date")
        frames.append(_typed(text.withColumn(DELIVERED_FOR, day), feed, contract))
    if not frames:
        ddl = ", ".join(f"`{c}` {contract.type_of(c)}" for c in contract.columns)
        return spark.createDataFrame([], f"{ddl}, {REASONS} array<string>, {DELIVERED_FOR} date")
    result = frames[0]
    for frame in frames[1:]:
        result = result.unionByName(frame)
    return result


def _typed(text: DataFrame, feed: Feed, contract: Contract) -> DataFrame:
    from pyspark.sql import functions as F

    reasons: list[Column] = []
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
    misfits = F.array_compact(F.array(*reasons)) if reasons else F.array().cast("array<string>")
    frame = text.select(*typed, misfits.alias(REASONS), DELIVERED_FOR)
    if feed.day:
        other = F.concat(F.lit(f"{feed.name}: a row of another day than "), F.col(DELIVERED_FOR).cast("string"))
        right = F.expr(f"{feed.day} <=> {DELIVERED_FOR}")
        frame = frame.withColumn(REASONS, F.when(right, F.col(REASONS)).otherwise(F.array_append(REASONS, other)))
    return frame
