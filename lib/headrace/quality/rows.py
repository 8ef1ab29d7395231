"""Checks of single rows: each bad row with all the reasons why it is bad."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.declare import Check, Contract
from headrace.errors import BatchRefusedError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

REASONS = "_reasons"
REFUSED = "_refused"


@dataclass(frozen=True)
class Tally:
    """Rows of a batch by day, and the bad ones by reason. Small: days and reasons, never rows."""

    good: dict[dt.date, int] = field(default_factory=dict)
    bad: dict[dt.date, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(self.good.values()) + sum(self.bad.values())

    @property
    def quarantined(self) -> int:
        return sum(self.bad.values())


def judged(frame: DataFrame, contract: Contract, checks: Sequence[Check]) -> DataFrame:
    """Add ``_reasons`` (array of string; empty: a good row) and ``_refused`` (the same, for checks that refuse)."""
    from pyspark.sql import functions as F

    def failing(on_fail: str) -> list[Column]:
        return [
            F.when(~F.coalesce(F.expr(c.condition), F.lit(True)), F.lit(f"not {c.condition}"))
            for c in checks
            if c.condition and c.on_fail == on_fail
        ]

    nulls = [F.when(F.col(c).isNull(), F.lit(f"{c} is null")) for c in contract.required]
    none = F.array().cast("array<string>")
    aside, refused = nulls + failing("quarantine"), failing("refuse")
    return frame.withColumn(REASONS, F.array_compact(F.array(*aside)) if aside else none).withColumn(
        REFUSED, F.array_compact(F.array(*refused)) if refused else none
    )


def tally(judged_frame: DataFrame, day: str, table: str) -> Tally:
    """Count a judged frame in one pass.

    Raises:
        BatchRefusedError: a check that refuses the batch failed for some row.
    """
    from pyspark.sql import functions as F

    groups = judged_frame.groupBy(F.col(day).alias("day"), REASONS, REFUSED).count().collect()
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
        told = "; ".join(f"{reason} in {count:,} rows" for reason, count in refused.items())
        raise BatchRefusedError(
            f"{table} is refused: {told}", "Nothing was published. Correct the input or the transform"
        )
    return Tally(good, bad, reasons)


def refuse_duplicates(good: DataFrame, key: Sequence[str], table: str) -> None:
    """Raise BatchRefusedError where rows share a key, and show some."""
    from pyspark.sql import functions as F

    twice = good.groupBy(*key).count().filter(F.col("count") > 1)
    some = twice.limit(3).collect()
    if some:
        shown = "; ".join(f"{', '.join(str(row[c]) for c in key)} ({row['count']} rows)" for row in some)
        raise BatchRefusedError(
            f"{table} is refused: rows share the key ({', '.join(key)}): {shown}",
            "Nothing was published. Is a file delivered twice, or does the transform's join multiply rows?",
        )


def refuse_share(rows: int, tallied: Tally, most: float, table: str) -> None:
    """Raise BatchRefusedError where more than the declared share of rows is bad."""
    if rows and tallied.quarantined / rows > most:
        told = "; ".join(f"{r} ({n:,})" for r, n in sorted(tallied.reasons.items(), key=lambda kv: -kv[1])[:3])
        raise BatchRefusedError(
            f"{table} is refused: {tallied.quarantined:,} of {rows:,} rows are bad, more than {most:.1%}: {told}",
            "Nothing was published. Correct the input or the checks",
        )
