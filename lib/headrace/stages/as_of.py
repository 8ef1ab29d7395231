"""The sources of a table as of an instant: what they were without the corrections that landed later.

Feeds keep all their deliveries. A table of facts shows only the newest; where it differs, its rows are made again from
the deliveries that counted then. A table with a cut-off of its own is the same at all times.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.declare import Feed, LookBack, Source, Table
from headrace.lake.staging import Staging
from headrace.lake.staleness import Expected, Ids, expected, first_day
from headrace.quality.verdict import refusal
from headrace.stages.batch import Batch, staged
from headrace.stages.code_digest import code_digest
from headrace.stages.context import StageContext
from headrace.stages.corrections import Corrections, Instant
from headrace.stages.sources import Input, publish_ids, read_source
from headrace.stages.transform_errors import transform_errors
from headrace.storage import for_each

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BEFORE = "before-correction"  # data docs show the days that were made again under this name, beside the published ones


def look(context: StageContext, *tables: Table) -> None:
    """Look at the newest state of tables, and of all that decides what they are as of an instant.

    Tables come before what they read, and feeds come last. So if a table shows a correction, the feed is known to have
    it.
    """
    found = [*reversed(context.use_case.in_order(*(table.name for table in tables)))]
    feeds = {read.name: read.source for table in found for read in table.sources if isinstance(read.source, Feed)}
    for source in found:
        context.refresh(source)
    for_each(context.layout.raw, context.refresh, feeds.values())


def inputs_of(context: StageContext, table: Table, days: DayRange, staging: Staging) -> list[Input]:
    """What a build of ``days`` of a table reads, in the order of ``reads``.

    The days must see the same deliveries: those that count as of the first day's cut-off.

    Args:
        staging: keeps the rows. They are gone once it is released.
    """
    return View.of(context, table, table.cut_off_on(days.first)).inputs(table, days, staging)


class View:
    """What a table and its sources are as of an instant; as they stand now, if there is none."""

    def __init__(self, context: StageContext, corrections: Corrections, cut_off: Instant) -> None:
        self._context = context
        self._corrections = corrections
        self._cut_off = corrections.first_unseen(cut_off)

    @classmethod
    def of(cls, context: StageContext, table: Table, cut_off: Instant) -> View:
        return cls(context, Corrections(context.landings, table), cut_off)

    def expected(self, table: Table, days: Sequence[dt.date], code: str) -> Expected:
        """What ``days`` (sorted) of a table would be published as, from the sources as of the instant.

        Args:
            code: the digest of the table's code.
        """
        if not days:
            return Expected({})

        def ids_of(name: str) -> Ids:
            reads = [s for s in table.sources if s.name == name]  # a table may read a source more than once
            back, ahead = -min(s.first for s in reads), max(s.last for s in reads)
            return self.ids(reads[0].source, DayRange(days[0], days[-1]).widened(back, ahead))

        return expected(table, code, ids_of, days)

    def ids(self, source: Source, days: DayRange) -> Ids:
        """The publish ids that days of a source have, or would have been published with as of the instant."""
        ids = publish_ids(self._context, source, days, self._cut_off)
        if not isinstance(source, Table) or not (other := self._other_days(source, days)):
            return ids
        kept: dict[dt.date | None, str] = {day: publish_id for day, publish_id in ids.items() if day not in other}
        return kept | self._ids_then(source, other)

    def read(self, source: LookBack, days: DayRange, staging: Staging) -> Input:
        """The source's rows for building ``days``, with its look-back.

        Raises:
            TransformError: the source's transform, or a query that it made, failed.
            MissingInputError: a file of a delivery that was corrected later is gone.
        """
        table, wanted = source.source, days.widened(-source.first, source.last)
        other = self._other_days(table, wanted) if isinstance(table, Table) else []
        read = read_source(self._context, source, days, self._cut_off, other)
        if not other:
            return read
        assert isinstance(table, Table)
        return self._with_days(read, [self._made(table, some, staging.of_any_size()) for some in table.ranges(other)])

    def inputs(self, table: Table, days: DayRange, staging: Staging) -> list[Input]:
        """All sources of a table for building ``days``, staged; see ``read`` for the errors."""
        raw = self._context.layout.raw
        return for_each(raw, lambda read: self.read(read, days, staging).staged(staging), table.sources)

    def rows(self, table: Table, days: DayRange) -> DataFrame:
        """The rows of days of a table, as long as the stage runs; see ``read`` for the errors.

        Raises:
            BatchRefusedError: the checks refuse a day as it was as of the instant.
        """
        read = self.read(LookBack(table), days, self._context.staging)
        if read.refused:
            raise refusal(table.name, read.refused)
        return read.rows

    def _other_days(self, table: Table, days: DayRange) -> list[dt.date]:
        """The days, sorted, on which a table was something else as of the instant than it is now."""
        found = self._corrections.between(table, self._cut_off, None, days)
        return sorted(day for day in found if day >= first_day(table))

    def _ids_then(self, table: Table, days: Sequence[dt.date]) -> dict[dt.date | None, str]:
        """The publish ids that days (sorted) had as of the instant, before a correction changed them.

        If code was accepted for a day since, it had the id by the older code. It is not so for a correction that landed
        between the acceptance and the instant, because then the newer code built the day.
        """
        code, by_code = code_digest(self._context, table), dict[str, list[dt.date]]()
        accepted = self._context.acceptances(table)
        for day in days:
            made_by = code
            for acceptance in reversed(accepted):
                if acceptance.holds(made_by, day) and not self._corrected_since(table, day, acceptance.at):
                    made_by = acceptance.old
            by_code.setdefault(made_by, []).append(day)
        found = [self.expected(table, some, made_by) for made_by, some in by_code.items()]
        return {day: publish_id for of_code in found for day, publish_id in of_code.ids.items()}

    def _corrected_since(self, table: Table, day: dt.date, at: dt.datetime) -> bool:
        """Whether a correction of a day landed after ``at``, and counts as of the view's instant."""
        if self._cut_off is not None and self._cut_off <= at:
            return False
        return bool(
            self._corrections.between(table, self._corrections.first_unseen(at), self._cut_off, DayRange(day, day))
        )

    def _made(self, table: Table, days: DayRange, staging: Staging) -> Batch:
        """Days of a table as a build as of the instant would have made and judged them."""
        inputs = self.inputs(table, days, staging)
        with transform_errors(table):
            return staged(self._context, table, days, inputs, staging, title=f"{table.name}-{BEFORE}")

    def _with_days(self, read: Input, batches: Iterable[Batch]) -> Input:
        """The input together with the rows of other days of it."""
        rows, recorded, refused = read.rows, dict(read.recorded), dict[dt.date, str]()
        for batch in batches:
            rows = rows.unionByName(batch.good)
            recorded |= {day: count.published for day, count in batch.counts.items()}
            refused |= {day: self._refusal(read.source, day, why) for day, why in batch.refused.items()}
        return Input(read.source, rows, recorded, refused=refused)

    def _refusal(self, source: LookBack, day: dt.date, why: str) -> str:
        return (
            f"{source.name} of {day} is refused as it was before the correction of {self._cut_off:%Y-%m-%d %H:%M} UTC: "
            f"{why}. If the delivery before was wrong, land the correction with `headrace land --restate`"
        )
