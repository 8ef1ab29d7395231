"""The statistics that an encoder is fitted to. Each function is one aggregation over a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from headrace.errors import ContractError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# Spark and Arrow write values of these types as different text, so a word of the vocabulary might never be found.
INEXACT = ("float", "double", "timestamp")
DIGITS = 6


def vocabularies(frame: DataFrame, min_counts: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """The vocabulary of each column: the sorted text of the values that occur at least the minimum number of times.

    Raises:
        ContractError: a column has a floating-point or timestamp type, which has no exact text.
    """
    from pyspark.sql import functions as F

    if not min_counts:
        return {}
    for column, kind in frame.select(*min_counts).dtypes:
        if kind.startswith(INEXACT):
            raise ContractError(f"column {column} is {kind}, which cannot be a category", "Make it int or string")
    pairs = F.array(*(F.struct(F.lit(c).alias("column"), F.col(c).cast("string").alias("word")) for c in min_counts))
    enough = F.create_map(*(part for c, n in min_counts.items() for part in (F.lit(c), F.lit(n))))
    counted = frame.select(F.explode(pairs).alias("pair")).groupBy("pair.column", "pair.word").count()
    rows = counted.where("word IS NOT NULL").where(F.col("count") >= enough[F.col("column")]).collect()
    return {c: tuple(sorted(row["word"] for row in rows if row["column"] == c)) for c in min_counts}


def moments(frame: DataFrame, columns: Sequence[str]) -> dict[str, tuple[float, float]]:
    """The mean and standard deviation of each column's finite values; (0, 1) for a column without finite values.

    Both are rounded. The last bits of a distributed sum depend on the order of the partitions, and the same rows must
    give the same encoder.
    """
    from pyspark.sql import functions as F

    if not columns:
        return {}

    def finite(column: str) -> Column:
        value = F.col(column).cast("double")
        return F.when(F.abs(value) < float("inf"), value)  # Spark orders NaN above infinity

    wanted = [
        (f(finite(c)).alias(f"{c} {name}")) for c in columns for name, f in (("mean", F.avg), ("std", F.stddev_pop))
    ]
    row = frame.agg(*wanted).first()
    assert row is not None  # an aggregation without groups has one row
    return {c: _rounded(row[f"{c} mean"], row[f"{c} std"]) for c in columns}


def _rounded(mean: float | None, std: float | None) -> tuple[float, float]:
    if mean is None or std is None:
        return 0.0, 1.0
    scale = float(f"{std:.{DIGITS}g}")
    # The deviation of a constant column is rounding error; division by it would give noise.
    if scale <= 1e-9 * abs(mean) or scale == 0.0:
        return float(f"{mean:.{DIGITS}g}"), 1.0
    return round(mean / scale, DIGITS) * scale, scale
