"""Checks of single rows: each bad row gets all the reasons why it is bad."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from headrace.declare import Check, Contract
from headrace.errors import BatchRefusedError
from headrace.expressions import columns_of, tried, values_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

REASONS = "_reasons"
REFUSED = "_refused"


@dataclass(frozen=True)
class Tally:
    """Counts of a batch's rows: good and bad rows by day, and bad rows by reason."""

    good: dict[dt.date, int] = field(default_factory=dict)
    bad: dict[dt.date, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """All rows, good and bad."""
        return sum(self.good.values()) + sum(self.bad.values())

    @property
    def quarantined(self) -> int:
        """The bad rows."""
        return sum(self.bad.values())


def with_failures(frame: DataFrame, contract: Contract, checks: Sequence[Check]) -> DataFrame:
    """Add the failures of each row as two arrays of strings.

    ``_reasons`` lists the null columns and failed checks that quarantine the row; it is empty for a good row.
    ``_refused`` lists the failed checks that refuse the whole batch. The texts have no values, so they are few.

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


def tally(checked: DataFrame, day: str, table: str) -> Tally:
    """Count the rows of a frame that ``with_failures`` returned, in one pass.

    Raises:
        BatchRefusedError: a check that refuses the batch failed for some row.
    """
    from pyspark.sql import functions as F

    groups = checked.groupBy(F.col(day).alias("day"), REASONS, REFUSED).count().collect()
    good: dict[dt.date, int] = {}
    bad: dict[dt.date, int] = {}
    reasons: dict[str, int] = {}
    refused: dict[str, int] = {}
    for row in groups:
        by_day = bad if row[REASONS] else good
        by_day[row["day"]] = by_day.get(row["day"], 0) + row["count"]
        for reason in row[REASONS]:
            reasons[reason] = reasons.get(reason, 0) + row["count"]
        for reason in row[REFUSED]:
            refused[reason] = refused.get(reason, 0) + row["count"]
    if refused:
        failures = "; ".join(f"{reason} in {count:,} rows" for reason, count in refused.items())
        raise BatchRefusedError(
            f"{table} is refused: {failures}", "Nothing was published. Correct the input or the transform"
        )
    return Tally(good, bad, reasons)


def refuse_duplicates(good: DataFrame, key: Sequence[str], table: str) -> None:
    """Refuse a batch in which rows share a key.

    Raises:
        BatchRefusedError: shows up to three such keys.
    """
    from pyspark.sql import functions as F

    duplicates = good.groupBy(*key).count().filter(F.col("count") > 1).limit(3).collect()
    if duplicates:
        shown = "; ".join(f"{', '.join(str(row[c]) for c in key)} ({row['count']} rows)" for row in duplicates)
        raise BatchRefusedError(
            f"{table} is refused: rows share the key ({', '.join(key)}): {shown}",
            "Nothing was published. Is a file delivered twice, or does the transform's join multiply rows?",
        )


def refuse_share(rows: int, tallied: Tally, max_share: float, table: str) -> None:
    """Refuse a batch in which more than a share of ``max_share`` (0 to 1) of the rows is bad.

    Raises:
        BatchRefusedError: names the three most frequent reasons.
    """
    if rows and tallied.quarantined / rows > max_share:
        frequent = "; ".join(f"{r} ({n:,})" for r, n in sorted(tallied.reasons.items(), key=lambda kv: -kv[1])[:3])
        raise BatchRefusedError(
            f"{table} is refused: {tallied.quarantined:,} of {rows:,} rows are bad, more than {max_share:.1%}: "
            f"{frequent}",
            "Nothing was published. Correct the input or the checks",
        )
