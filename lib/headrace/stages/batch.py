"""The rows of a range of a table before they are published: each day and each source is judged by itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.declare import Table
from headrace.lake.staging import Staging
from headrace.quality.counts import MAX_REASONS, Reasons, duplicates_by_day
from headrace.quality.suite import failing_days, imported_meanwhile
from headrace.quality.verdict import Verdict
from headrace.stages.bad_rows import added, bad_rows
from headrace.stages.context import StageContext
from headrace.stages.counting import RowCount, SourceCount, count_sources
from headrace.stages.returned import Returned, checked_rows
from headrace.stages.sources import Input

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class DayCount:
    """The rows of an accepted day: how many are published, and how many quarantined by source.

    A source is a feed or the table itself. Bad rows of a reference feed count on the first accepted day of the range.
    """

    published: int
    quarantined: Mapping[str, int]

    @property
    def bad(self) -> int:
        """The quarantined rows of all sources."""
        return sum(self.quarantined.values())


@dataclass(frozen=True)
class Batch:
    """The staged rows of a range, judged day by day.

    Attributes:
        good: the good rows of the accepted days, in the contract's columns.
        quarantined: the bad rows of the accepted days as ``day, source, reasons, row``; None without any.
        counts: the accepted days.
        refused: the refused days, each with the reason in one sentence.
        reasons: why rows were quarantined, with the number of rows.
        sources: the rows of each source on all days of the range, whether accepted or not.
        returned: the rows that the transform returned; 0 if it did not run, as all days were refused before.
        outside: those of them that lie on days outside the range, and are not published.
    """

    good: DataFrame
    quarantined: DataFrame | None
    counts: Mapping[dt.date, DayCount]
    refused: Mapping[dt.date, str]
    reasons: Reasons
    sources: Mapping[str, RowCount]
    returned: int
    outside: int


def staged(
    context: StageContext, table: Table, days: DayRange, inputs: list[Input], staging: Staging, title: str = ""
) -> Batch:
    """Read, transform and check a range of days; nothing is published.

    The transform runs once, and its rows are read from ``staging`` afterwards.

    A row that the transform returns without a day refuses all days, because it may belong to any of them.

    Args:
        title: what data docs call the rows, if they are not the table's newest.

    Raises:
        ContractError: the transform returns other columns than the contract has.
    """
    verdict = Verdict(table.day, days)
    for read in inputs:
        verdict.refuse(read.refuses(days))
    sources = count_sources(inputs, days)
    for source in sources:
        verdict.refuse(source.refused(days, context.config.quality.max_quarantined_share))
    checked = checked_rows(context, table, inputs)
    if verdict.accepted:
        with imported_meanwhile() if any(check.suite for check in table.checks) else nullcontext():
            written = staging.written(checked, table.day)
        returned = Returned.of(written, table, days)
    else:
        returned = Returned.unread(checked)
    _judge(context, table, sources, returned, verdict, title or table.name)
    return _batch(table, sources, returned, verdict)


def _judge(
    context: StageContext,
    table: Table,
    sources: list[SourceCount],
    returned: Returned,
    verdict: Verdict,
    title: str,
) -> None:
    """Judge by the counts, then by the keys, then by the suites; only the days that are still accepted."""
    if verdict.accepted:
        share = context.config.quality.max_quarantined_share
        verdict.refuse(returned.refused(table, verdict.days, share, sources))
    if verdict.accepted:
        shared = duplicates_by_day(verdict.accepted_rows(returned.good), table.day, table.key)
        key = ", ".join(table.key)
        verdict.refuse({day: f"rows share the key ({key}): {'; '.join(keys)}" for day, keys in shared.items()})
    for check in table.checks:
        if check.suite and verdict.accepted:
            suite, site = context.use_case.folder / check.suite, context.layout.data_docs_site
            good = verdict.accepted_rows(returned.good)
            verdict.refuse(failing_days(good, table.day, verdict.accepted, suite, title, site))


def _batch(table: Table, sources: list[SourceCount], returned: Returned, verdict: Verdict) -> Batch:
    bad = bad_rows(table, sources, returned, verdict)

    def count(day: dt.date) -> DayCount:
        counted = returned.on(day)
        quarantined = {part.source: part.by_day[day] for part in bad if day in part.by_day}
        return DayCount(counted.rows - counted.having["bad"], quarantined)

    reasons = added(part.reasons for part in bad)
    outside = returned.on(None)
    return Batch(
        good=verdict.accepted_rows(returned.good),
        quarantined=reduce(lambda a, b: a.unionByName(b), [part.rows for part in bad]) if bad else None,
        counts={day: count(day) for day in verdict.accepted},
        refused=dict(sorted(verdict.refused.items())),
        reasons=dict(list(reasons.items())[:MAX_REASONS]),
        sources={source.name: source.total for source in sources},
        returned=sum(counted.rows for counted in returned.counted.values()),
        outside=outside.rows - outside.having["no_day"],
    )
