"""The sources of a table: their publish ids and their rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headrace.days import DayRange, runs
from headrace.declare import Feed, LookBack, Source, Table
from headrace.lake.staging import Staging
from headrace.lake.staleness import Ids
from headrace.landing import frame as landed
from headrace.landing.files import check_files
from headrace.landing.record import Record, folder
from headrace.stages.context import StageContext

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Input:
    """A source as a build reads it.

    Attributes:
        rows: its good rows, on all days of the look-back.
        refused: days of the source whose rows as of the cut-off fail its checks, each with the reason.
        recorded: the number of rows of each day, as the landing records or publications say; under None a reference
            feed's. It is None for a day that landed by reference, whose rows nobody has counted.
        files: where each day of a feed lies, for errors.
        marked: all rows of a feed with the reasons why they are rejected, as ``landing.frame`` reads them; None for a
            table.
    """

    source: LookBack
    rows: DataFrame
    recorded: Mapping[dt.date | None, int | None]
    files: Mapping[dt.date | None, str] = field(default_factory=dict)
    marked: DataFrame | None = None
    refused: Mapping[dt.date, str] = field(default_factory=dict)

    def staged(self, staging: Staging) -> Input:
        """The same source, whose rows are read once now, and afterwards from a few files.

        A transform may use them many times. A file for each day is slow to plan and to open, and landed text slow to
        parse.
        """
        if self.marked is None:
            return replace(self, rows=staging.written(self.rows))
        marked = staging.written(self.marked)
        return replace(self, rows=_good(marked), marked=marked)

    def refuses(self, days: DayRange) -> dict[dt.date, str]:
        """The days that cannot be built because they look back on a refused day, each with the reason."""
        first, last = self.source.first, self.source.last
        return {
            day: why
            for seen, why in self.refused.items()
            for day in DayRange(seen, seen).widened(last, -first)
            if day in days
        }


def publish_ids(
    context: StageContext, source: Source, days: Iterable[dt.date], cut_off: dt.datetime | None = None
) -> Ids:
    """The publish ids of ``days`` that exist. A reference feed has one id, under None.

    Of a feed, the ids of the deliveries that count as of the cut-off.
    """
    if isinstance(source, Table):
        return {day: publication.id for day, publication in context.table(source).publications.items()}
    return {record.day: record.publish_id for record in records(context, _feed(source), days, cut_off)}


def records(
    context: StageContext, feed: Feed, days: Iterable[dt.date], cut_off: dt.datetime | None = None
) -> list[Record]:
    """The landing records of ``days`` that exist; those that count as of the cut-off."""
    wanted: list[dt.date | None] = list(days) if feed.daily else [None]
    return [record for day in wanted if (record := context.landings.record(feed.name, day, cut_off))]


def read_source(
    context: StageContext,
    source: LookBack,
    days: DayRange,
    cut_off: dt.datetime | None = None,
    without: Collection[dt.date] = (),
) -> Input:
    """The source's rows for building ``days``, with its look-back.

    Of a feed, the deliveries that count as of the cut-off. Of a table, the published rows, except for the days
    ``without``.

    Raises:
        MissingInputError: a file of a delivery that was corrected later is gone.
    """
    wanted = days.widened(-source.first, source.last)
    if isinstance(source.source, Table):
        return _read_table(context, source, wanted, without)
    return _read_feed(context, source, wanted, cut_off)


def _feed(source: Source) -> Feed:
    assert isinstance(source, Feed)  # a declaration is checked for it
    return source


def _read_table(context: StageContext, source: LookBack, wanted: DayRange, without: Collection[dt.date]) -> Input:
    from pyspark.sql import functions as F

    assert isinstance(source.source, Table)
    table = context.table(source.source)
    rows = table.read(context.spark, wanted)
    for some in runs(without):
        rows = rows.filter(~F.col(table.day).between(F.lit(some.first), F.lit(some.last)))
    recorded: dict[dt.date | None, int | None] = {
        day: publication.rows for day, publication in table.publications.items() if day in wanted and day not in without
    }
    return Input(source, rows, recorded)


def _read_feed(context: StageContext, source: LookBack, wanted: DayRange, cut_off: dt.datetime | None) -> Input:
    feed, raw = _feed(source.source), context.layout.raw
    landings = records(context, feed, wanted, cut_off)
    corrected = [record for record in landings if record != context.landings.record(feed.name, record.day)]
    hint = f"Restore it, or land the correction with `headrace land --feed {feed.name} --restate`"
    check_files(raw, corrected, hint)
    marked = landed.read(context.spark, feed, context.use_case.contract(feed), landings, raw)
    files = {r.day: f"{folder(raw, feed.name, r.day)} ({', '.join(f.stored for f in r.files)})" for r in landings}
    return Input(source, _good(marked), {record.day: record.rows for record in landings}, files, marked)


def _good(marked: DataFrame) -> DataFrame:
    """The rows of a feed that fit its contract, in the contract's columns."""
    from pyspark.sql import functions as F

    return marked.filter(F.size(landed.REASONS) == 0).drop(landed.REASONS, landed.DELIVERED_FOR, landed.RAW)
