"""Checks of single rows: each bad row gets all the reasons why it is bad."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from headrace.declare import Check, Contract
from headrace.expressions import columns_of, tried, values_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

REASONS = "_reasons"
REFUSED = "_refused"


def with_failures(frame: DataFrame, contract: Contract, checks: Sequence[Check]) -> DataFrame:
    """Add the failures of each row as two arrays of strings.

    ``_reasons`` lists the null columns and failed checks that quarantine the row; it is empty for a good row.
    ``_refused`` lists the failed checks that refuse the row's day. The texts have no values, so they are few.

    Raises:
        DeclarationError: a check's condition does not fit the frame's columns; names the line of the check.
    """
    from pyspark.sql import functions as F

    def failing(on_fail: str) -> list[Column]:
        return [
            F.when(~_holds(frame, check), F.lit(_reason(check)))
            for check in checks
            if check.condition and check.on_fail == on_fail
        ]

    nulls = [F.when(F.col(c).isNull(), F.lit(f"{c} is null")) for c in contract.required]
    none = F.array().cast("array<string>")
    quarantined, refused = nulls + failing("quarantine"), failing("refuse")
    return frame.withColumn(REASONS, F.array_compact(F.array(*quarantined)) if quarantined else none).withColumn(
        REFUSED, F.array_compact(F.array(*refused)) if refused else none
    )


def reasons_with_values(checked: DataFrame, checks: Sequence[Check]) -> Column:
    """``_reasons`` of a frame that ``with_failures`` returned, each followed by the values that its check read.

    For example ``not price > 0 (price=-1)``.
    """
    from pyspark.sql import functions as F

    conditions = {_reason(c): columns_of(checked, c.condition, c.origin) for c in checks if c.condition}
    shown = {reason: F.concat(F.lit(" ("), values_of(columns), F.lit(")")) for reason, columns in conditions.items()}
    if not shown:
        return F.col(REASONS)
    values = F.create_map(*[part for reason, text in shown.items() for part in (F.lit(reason), text)])
    return F.transform(REASONS, lambda reason: F.concat(reason, F.coalesce(values[reason], F.lit(""))))


def _reason(check: Check) -> str:
    return f"not {check.condition}"


def _holds(frame: DataFrame, check: Check) -> Column:
    """Whether a row meets a check's condition: true or false, never null.

    It does not if the condition raises an error, or is null although no column that it reads is null.
    """
    from pyspark.sql import functions as F

    inputs = columns_of(frame, check.condition, check.origin, "boolean")
    missing = reduce(or_, [F.col(f"`{column}`").isNull() for column in inputs], F.lit(False))
    return F.coalesce(tried(F.coalesce(F.expr(check.condition), missing)), F.lit(False))
