"""The mean and deviation that an encoder is fitted to, in one aggregation over a frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from headrace.errors import BadInputError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

DIGITS = 6


def moments(frame: DataFrame, columns: Sequence[str]) -> dict[str, tuple[float, float]]:
    """The mean and standard deviation of each column's finite values; (0, 1) for a column without finite values.

    Both are rounded. The last bits of a distributed sum depend on the order of the partitions, and the same rows must
    give the same encoder.

    Raises:
        BadInputError: values are so large that their mean or deviation is not a finite number.
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
    return {c: _rounded(c, row[f"{c} mean"], row[f"{c} std"]) for c in columns}


def _rounded(column: str, mean: float | None, std: float | None) -> tuple[float, float]:
    if mean is None or std is None:
        return 0.0, 1.0
    if not math.isfinite(mean) or not math.isfinite(std):
        what = (
            f"{column} has values that are too large: in the training days its mean is {mean:g}, its deviation {std:g}"
        )
        raise BadInputError(what, "Limit or scale them in the transform, or declare a check that quarantines them")
    scale = float(f"{std:.{DIGITS}g}")
    # The deviation of a constant column is rounding error; division by it would give noise.
    if scale <= 1e-9 * abs(mean) or scale == 0.0:
        return float(f"{mean:.{DIGITS}g}"), 1.0
    return round(mean / scale, DIGITS) * scale, scale
