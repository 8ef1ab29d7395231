"""Checks of single rows: each bad row gets all the reasons why it is bad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headrace.declare import Check, Contract

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

REASONS = "_reasons"
REFUSED = "_refused"


def with_failures(frame: DataFrame, contract: Contract, checks: Sequence[Check]) -> DataFrame:
    """Add the failures of each row as two arrays of strings.

    ``_reasons`` lists the null columns and failed checks that quarantine the row; it is empty for a good row.
    ``_refused`` lists the failed checks that refuse the row's day.
    """
    from pyspark.sql import functions as F

    def failing(on_fail: str) -> list[Column]:
        return [
            F.when(~F.coalesce(F.expr(c.condition), F.lit(True)), F.lit(f"not {c.condition}"))
            for c in checks
            if c.condition and c.on_fail == on_fail
        ]

    nulls = [F.when(F.col(c).isNull(), F.lit(f"{c} is null")) for c in contract.required]
    none = F.array().cast("array<string>")
    quarantined, refused = nulls + failing("quarantine"), failing("refuse")
    return frame.withColumn(REASONS, F.array_compact(F.array(*quarantined)) if quarantined else none).withColumn(
        REFUSED, F.array_compact(F.array(*refused)) if refused else none
    )
