"""The rows of a range of a table before they are published: each day and each source is judged by itself."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.declare import Contract, Table, resolve
from headrace.lake.contract import conform
from headrace.landing.frame import DELIVERED_FOR, RAW
from headrace.landing.frame import REASONS as REJECTED_FOR
from headrace.quality.counts import Counted, Reasons, count_by_day, duplicates_by_day, reasons_by_day
from headrace.quality.quarantine import quarantine_rows
from headrace.quality.rows import REASONS, REFUSED, with_failures
from headrace.quality.verdict import most_frequent, too_many_bad
from headrace.stages.context import StageContext
from headrace.stages.counting import RowCount, SourceCount, count_sources
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


@dataclass(frozen=True)
class Batch:
    """The staged rows of a range, judged day by day.

    Attributes:
        good: the good rows of the accepted days, in the contract's columns.
        quarantined: the bad rows of the accepted days as ``day, source, reasons, row``; None without any.
        counts: the accepted days.
        refused: the refused days, each with the reason in one sentence.
        reasons: why rows were quarantined, with the number of rows.
        sources: the rows of each source on all days of the range.
        returned: the rows that the transform returned.
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
    _persisted: ExitStack = field(repr=False)

    def release(self) -> None:
        """Free the memory and disk that the rows take. They cannot be read afterwards."""
        self._persisted.close()


def staged(context: StageContext, table: Table, days: DayRange, inputs: list[Input]) -> Batch:
    """Read, transform and check a range of days; nothing is published.

    A row that the transform returns without a day refuses all days, because it may belong to any of them.

    Raises:
        ContractError: the transform returns other columns than the contract has.
    """
    with ExitStack() as persisted:
        sources = count_sources(inputs, days)
        for source in sources:
            if source.rejected is not None:
                persisted.callback(source.rejected.unpersist)
        max_share = context.config.quality.max_quarantined_share
        refused = _merged(source.refused(days, max_share) for source in sources)
        checked = _checked(context, table, inputs).persist()
        persisted.callback(checked.unpersist)
        rows = _Rows.of(checked, table, days) if len(refused) < len(days) else _Rows.unread(checked)
        refused = _merged([refused, rows.refused(table, days, max_share, sources)])
        good = _on(rows.good, table.day, days, refused)
        refused = _merged([refused, _refused_by_keys(good, table, days, refused)])
        for suite in [check.suite for check in table.checks if check.suite]:
            good = _on(rows.good, table.day, days, refused)
            refused = _merged([refused, _refused_by_suite(context, table, suite, good, days, refused)])
        return _batch(table, days, sources, rows, refused, persisted.pop_all())


@dataclass(frozen=True)
class _Rows:
    """What the transform returned, with the failures of each row, and its counts by day (None: outside the range)."""

    checked: DataFrame
    good: DataFrame
    counted: Mapping[dt.date | None, Counted]
    bad_for: Mapping[dt.date | None, Reasons]
    refused_for: Mapping[dt.date | None, Reasons]

    @classmethod
    def unread(cls, checked: DataFrame) -> _Rows:
        """For days that are refused anyway: no row is computed."""
        from pyspark.sql import functions as F

        return cls(checked, checked.filter(F.lit(False)).drop(REASONS, REFUSED), {}, {}, {})

    @classmethod
    def of(cls, checked: DataFrame, table: Table, days: DayRange) -> _Rows:
        from pyspark.sql import functions as F

        day = F.col(table.day)
        within = F.when(day.between(F.lit(days.first), F.lit(days.last)), day)
        is_bad, is_refused = F.size(REASONS) > 0, F.size(REFUSED) > 0
        counted = count_by_day(checked, within, bad=is_bad, refused=is_refused, no_day=day.isNull())

        def reasons(kind: str, array: str) -> Mapping[dt.date | None, Reasons]:
            if not any(count.having[kind] for on, count in counted.items() if on is not None):
                return {}
            return reasons_by_day(checked.filter(within.isNotNull() & (F.size(array) > 0)), day, array)

        good = checked.filter(within.isNotNull() & ~is_bad).drop(REASONS, REFUSED)
        return cls(checked, good, counted, reasons("bad", REASONS), reasons("refused", REFUSED))

    def on(self, day: dt.date | None) -> Counted:
        return self.counted.get(day, Counted(0, {"bad": 0, "refused": 0, "no_day": 0}))

    def refused(
        self, table: Table, days: DayRange, max_share: float, sources: Iterable[SourceCount]
    ) -> dict[dt.date, str]:
        """The days that these counts refuse, each with the reason."""
        if no_day := self.on(None).having["no_day"]:
            return dict.fromkeys(days, f"{no_day:,} of the rows that {table.by} returned have no {table.day}")
        one_row_per = table.one_row_per
        source = next((s for s in sources if one_row_per is not None and s.name == one_row_per.name), None)
        found = {}
        for day in days:
            count = self.on(day)
            if count.having["refused"]:
                found[day] = f"rows fail a check that refuses the day: {most_frequent(self.refused_for[day])}"
            elif reason := too_many_bad(
                table.name, count.rows, count.having["bad"], max_share, self.bad_for.get(day, {})
            ):
                found[day] = reason
            elif source is not None and self.counted and count.rows != source.on(day).good:
                good = source.on(day).good
                found[day] = f"{table.by} returned {count.rows:,} rows for {good:,} good rows of {source.name}"
        return found


def _checked(context: StageContext, table: Table, inputs: list[Input]) -> DataFrame:
    """The transform's rows on all days, each with the reasons why it is bad."""
    contract: Contract = context.use_case.contract(table)
    transformed = resolve.function(context.use_case.package, table.by)(*[source.rows for source in inputs])
    return with_failures(conform(transformed, table, contract), contract, table.checks)


def _refused_by_keys(
    good: DataFrame, table: Table, days: DayRange, refused: Mapping[dt.date, str]
) -> dict[dt.date, str]:
    if len(refused) == len(days):
        return {}
    return {
        day: f"rows share the key ({', '.join(table.key)}): {'; '.join(keys)}"
        for day, keys in duplicates_by_day(good, table.day, table.key).items()
    }


def _refused_by_suite(
    context: StageContext,
    table: Table,
    suite: str,
    good: DataFrame,
    days: DayRange,
    refused: Mapping[dt.date, str],
) -> dict[dt.date, str]:
    accepted = [day for day in days if day not in refused]
    if not accepted:
        return {}
    from headrace.quality.suite import failing_days

    file, layout = context.use_case.folder / suite, context.layout
    return failing_days(good, table.day, accepted, file, table.name, layout.data_docs, layout.data_docs_page)


def _batch(
    table: Table,
    days: DayRange,
    sources: list[SourceCount],
    rows: _Rows,
    refused: Mapping[dt.date, str],
    persisted: ExitStack,
) -> Batch:
    accepted = [day for day in days if day not in refused]
    frames, reasons, bad = [], Counter[str](), {day: Counter[str]() for day in accepted}
    for source in sources:
        frame, counts, why = _rejected(source, accepted)
        frames += [frame] if frame is not None else []
        reasons.update(why)
        for day, count in counts.items():
            bad[day][source.name] += count
    failed = {day: rows.on(day).having["bad"] for day in accepted if rows.on(day).having["bad"]}
    for day, count in failed.items():
        bad[day][table.name] += count
        reasons.update(rows.bad_for[day])
    if failed:
        frames.append(_failed(rows.checked, table, days, refused))
    return Batch(
        good=_on(rows.good, table.day, days, refused),
        quarantined=reduce(lambda a, b: a.unionByName(b), frames) if frames else None,
        counts={day: DayCount(rows.on(day).rows - failed.get(day, 0), dict(bad[day])) for day in accepted},
        refused=dict(sorted(refused.items())),
        reasons=dict(reasons.most_common(100)),
        sources={source.name: source.total for source in sources},
        returned=sum(count.rows for count in rows.counted.values()),
        outside=rows.on(None).rows,
        _persisted=persisted,
    )


def _rejected(source: SourceCount, accepted: list[dt.date]) -> tuple[DataFrame | None, dict[dt.date, int], Reasons]:
    """A feed's rejected rows of the accepted days, as quarantine rows, with their counts and reasons."""
    from pyspark.sql import functions as F

    if source.rejected is None or not accepted:
        return None, {}, {}
    if None in source.by_day:  # a reference feed
        rejected = source.rejected.withColumn(DELIVERED_FOR, F.lit(accepted[0]))
        counts = {accepted[0]: source.by_day[None].rejected}
        reasons = Counter(source.reasons[None])
    else:
        rejected = source.rejected.filter(F.col(DELIVERED_FOR).isin(accepted))
        counts = {day: source.on(day).rejected for day in accepted if source.on(day).rejected}
        reasons = sum((Counter(source.reasons[day]) for day in counts), Counter[str]())
    if not counts:
        return None, {}, {}
    return quarantine_rows(rejected, DELIVERED_FOR, source.name, REJECTED_FOR, F.col(RAW)), counts, reasons


def _failed(checked: DataFrame, table: Table, days: DayRange, refused: Mapping[dt.date, str]) -> DataFrame:
    """The table's bad rows on accepted days, as quarantine rows."""
    from pyspark.sql import functions as F

    within = F.col(table.day).between(F.lit(days.first), F.lit(days.last))
    bad = _on(checked.filter(within & (F.size(REASONS) > 0)), table.day, days, refused)
    columns = [column for column in checked.columns if column not in (REASONS, REFUSED)]
    return quarantine_rows(bad, table.day, table.name, REASONS, F.to_json(F.struct(*columns)))


def _on(frame: DataFrame, day: str, days: DayRange, refused: Mapping[dt.date, str]) -> DataFrame:
    """The rows of the days that are not refused; ``frame`` has rows of ``days`` only."""
    from pyspark.sql import functions as F

    return frame.filter(~F.col(day).isin([d for d in days if d in refused])) if refused else frame


def _merged(refused: Iterable[Mapping[dt.date, str]]) -> dict[dt.date, str]:
    """Each refused day with the first reason for it."""
    return reduce(lambda first, later: {**later, **first}, refused, dict[dt.date, str]())
