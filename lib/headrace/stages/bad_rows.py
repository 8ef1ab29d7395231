"""The bad rows of accepted days, from feeds and from the transform. They are quarantined."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.declare import Table
from headrace.landing.frame import DELIVERED_FOR, RAW
from headrace.landing.frame import REASONS as REJECTED_FOR
from headrace.quality.counts import Reasons
from headrace.quality.quarantine import quarantine_rows
from headrace.quality.rows import REASONS, REFUSED, reasons_with_values
from headrace.quality.verdict import Verdict
from headrace.stages.counting import SourceCount
from headrace.stages.returned import Returned

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class BadRows:
    """Rows of one source, in the columns of a quarantine table, with their counts by day and by reason."""

    source: str
    rows: DataFrame
    by_day: Mapping[dt.date, int]
    reasons: Reasons


def bad_rows(table: Table, sources: Iterable[SourceCount], returned: Returned, verdict: Verdict) -> list[BadRows]:
    """The bad rows of the feeds and of the table; sources without any are left out."""
    found = [*(_of_feed(source, verdict.accepted) for source in sources), _of_table(table, returned, verdict)]
    return [bad for bad in found if bad is not None]


def _of_feed(source: SourceCount, accepted: list[dt.date]) -> BadRows | None:
    """The rejected rows of a feed. A reference feed's belong to the first accepted day."""
    from pyspark.sql import functions as F

    if source.rejected is None or not accepted:
        return None
    if None in source.by_day:
        rejected = source.rejected.withColumn(DELIVERED_FOR, F.lit(accepted[0]))
        by_day, reasons = {accepted[0]: source.by_day[None].rejected}, source.reasons[None]
    else:
        by_day = {day: source.on(day).rejected for day in accepted if source.on(day).rejected}
        rejected = source.rejected.filter(F.col(DELIVERED_FOR).isin(list(by_day)))
        reasons = added(source.reasons[day] for day in by_day)
    if not by_day:
        return None
    rows = quarantine_rows(rejected, DELIVERED_FOR, source.name, REJECTED_FOR, F.col(RAW))
    return BadRows(source.name, rows, by_day, reasons)


def _of_table(table: Table, returned: Returned, verdict: Verdict) -> BadRows | None:
    """The rows that the transform returned and that fail checks."""
    from pyspark.sql import functions as F

    by_day = {day: count for day in verdict.accepted if (count := returned.on(day).having["bad"])}
    if not by_day:
        return None
    bad = returned.checked.filter(F.col(table.day).isin(list(by_day)) & (F.size(REASONS) > 0))
    row = F.to_json(F.struct(*bad.drop(REASONS, REFUSED).columns))
    reasons = added(returned.bad_for[day] for day in by_day)
    with_values = bad.withColumn(REASONS, reasons_with_values(bad, table.checks))
    return BadRows(table.name, quarantine_rows(with_values, table.day, table.name, REASONS, row), by_day, reasons)


def added(reasons: Iterable[Reasons]) -> dict[str, int]:
    """The reasons of several days, the most frequent ones first."""
    total = Counter[str]()
    for of_day in reasons:
        total.update(of_day)
    return dict(total.most_common())
