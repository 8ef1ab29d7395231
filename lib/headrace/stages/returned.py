"""What a transform returned: its rows with their failures, counted by day and judged by these counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.declare import Table, resolve
from headrace.lake.contract import conform
from headrace.quality.counts import Counted, Reasons, count_by_day, reasons_by_day
from headrace.quality.rows import REASONS, REFUSED, with_failures
from headrace.quality.verdict import most_frequent, too_many_bad
from headrace.stages.context import StageContext
from headrace.stages.counting import SourceCount
from headrace.stages.sources import Input

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def checked_rows(context: StageContext, table: Table, inputs: Iterable[Input]) -> DataFrame:
    """The rows that the transform returns, on all days, each with the reasons why it is bad.

    Raises:
        ContractError: it returns other columns than the contract has.
    """
    contract = context.use_case.contract(table)
    transformed = resolve.function(context.use_case.package, table.by)(*[source.rows for source in inputs])
    return _known_in_time(with_failures(conform(transformed, table, contract), contract, table.checks), table)


def _known_in_time(checked: DataFrame, table: Table) -> DataFrame:
    """The rows. One that was known before the cut-off refuses its day, because it would see later corrections."""
    from pyspark.sql import functions as F

    if table.cut_off is None:
        return checked
    too_early = F.col(table.known_at) < F.expr(table.cut_off.on_column(table.day))
    reason = f"{table.known_at} is before the cut-off, so corrections that landed after it would count"
    return checked.withColumn(
        REFUSED, F.when(too_early, F.array_append(REFUSED, F.lit(reason))).otherwise(F.col(REFUSED))
    )


def good_rows(checked: DataFrame, table: Table, days: DayRange) -> DataFrame:
    """The good rows on ``days`` of what ``checked_rows`` returned, without the reasons."""
    from pyspark.sql import functions as F

    within = F.col(table.day).between(F.lit(days.first), F.lit(days.last))
    return checked.filter(within & (F.size(REASONS) == 0)).drop(REASONS, REFUSED)


@dataclass(frozen=True)
class Returned:
    """What a transform returned.

    Attributes:
        checked: all rows with their failures.
        good: the good rows on days of the range.
        counted: rows by day; under None those outside the range or without a day.
        bad_for: why rows of a day are bad.
        refused_for: which checks that refuse a day fail, and for how many rows.
    """

    checked: DataFrame
    good: DataFrame
    counted: Mapping[dt.date | None, Counted]
    bad_for: Mapping[dt.date | None, Reasons]
    refused_for: Mapping[dt.date | None, Reasons]

    @classmethod
    def unread(cls, checked: DataFrame) -> Returned:
        """For days that are refused anyway: no row is computed."""
        from pyspark.sql import functions as F

        return cls(checked, checked.filter(F.lit(False)).drop(REASONS, REFUSED), {}, {}, {})

    @classmethod
    def of(cls, checked: DataFrame, table: Table, days: DayRange) -> Returned:
        """Count the rows, which computes them."""
        from pyspark.sql import functions as F

        day = F.col(table.day)
        within = F.when(day.between(F.lit(days.first), F.lit(days.last)), day)
        is_bad, is_refused = F.size(REASONS) > 0, F.size(REFUSED) > 0
        counted = count_by_day(checked, within, bad=is_bad, refused=is_refused, no_day=day.isNull())

        def reasons(kind: str, array: str) -> Mapping[dt.date | None, Reasons]:
            if not any(count.having[kind] for on, count in counted.items() if on is not None):
                return {}
            return reasons_by_day(checked.filter(within.isNotNull() & (F.size(array) > 0)), day, array)

        good = good_rows(checked, table, days)
        return cls(checked, good, counted, reasons("bad", REASONS), reasons("refused", REFUSED))

    def on(self, day: dt.date | None) -> Counted:
        """The rows of a day."""
        return self.counted.get(day, Counted(0, {"bad": 0, "refused": 0, "no_day": 0}))

    def refused(
        self, table: Table, days: DayRange, max_share: float, sources: Iterable[SourceCount]
    ) -> dict[dt.date, str]:
        """The days that these counts refuse, each with the reason."""
        if no_day := self.on(None).having["no_day"]:
            return dict.fromkeys(days, f"{no_day:,} of the rows that {table.by} returned have no {table.day}")
        name = table.one_row_per.name if table.one_row_per else ""
        source = next((source for source in sources if source.name == name), None)
        found = {day: self._reason(table, day, max_share, source) for day in days}
        return {day: reason for day, reason in found.items() if reason}

    def _reason(self, table: Table, day: dt.date, max_share: float, source: SourceCount | None) -> str:
        """Why the day is refused; empty if it is not. ``source`` has one good row for each of the day's rows."""
        count = self.on(day)
        if count.having["refused"]:
            return f"rows fail a check that refuses the day: {most_frequent(self.refused_for[day])}"
        if source is not None and count.rows != source.on(day).good:
            good = source.on(day).good
            return f"{table.by} returned {count.rows:,} rows for {good:,} good rows of {source.name}"
        return too_many_bad(table.name, count.rows, count.having["bad"], max_share, self.bad_for.get(day, {}))
