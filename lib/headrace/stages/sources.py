"""The sources of a table: their publish ids and their rows."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.declare import Feed, LookBack, Source, Table, resolve
from headrace.lake.staleness import Ids
from headrace.landing import frame as landed
from headrace.landing.record import Record
from headrace.stages.context import StageContext

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Input:
    """A source's good rows, its rejected rows, and its number of rows.

    ``rejected`` are the rows of a feed that do not fit its contract; None for a table. A table, which a transform reads
    many times, and the few rejected rows of a feed stay in memory, or on disk, until ``release``.
    """

    rows: DataFrame
    rejected: DataFrame | None
    count: int

    def release(self) -> None:
        (self.rows if self.rejected is None else self.rejected).unpersist()


def publish_ids(context: StageContext, source: Source, days: Iterable[dt.date]) -> Ids:
    """The publish ids of ``days`` that exist. A reference feed has one id, under None."""
    if isinstance(source, Table):
        return {day: publication.id for day, publication in context.table(source).publications.items()}
    return {record.day: record.publish_id for record in records(context, _feed(source), days)}


def records(context: StageContext, feed: Feed, days: Iterable[dt.date]) -> list[Record]:
    """The landing records of ``days`` that exist."""
    wanted: list[dt.date | None] = list(days) if feed.daily else [None]
    landed = context.landings.records(feed.name)
    return [landed[day] for day in wanted if day in landed]


def code_digest(context: StageContext, table: Table) -> str:
    """SHA-256 of everything except the input that decides a table's rows: code, contracts, suites, checks."""
    folder, sha = context.use_case.folder, hashlib.sha256()
    sha.update(resolve.digest(context.use_case.package, table.by).encode())
    feeds = [s.source for s in table.sources if isinstance(s.source, Feed)]
    suites = [c.suite for c in table.checks if c.suite]
    for file in [table.columns, *[f.columns for f in feeds], *suites]:
        sha.update((folder / file).read_bytes())
    rules = [(c.condition, c.suite, c.on_fail) for c in table.checks]
    reads = [(s.name, s.first, s.last) for s in table.sources]
    sha.update(repr((table.by, table.day, table.key, rules, reads, [f.day for f in feeds])).encode())
    return sha.hexdigest()


def read_source(context: StageContext, source: LookBack, days: DayRange) -> Input:
    """The source's rows for building ``days``, with its look-back."""
    wanted = days.widened(-source.first, source.last)
    if isinstance(source.source, Table):
        table = context.table(source.source)
        return Input(table.read(context.spark, wanted).persist(), None, table.rows(days))
    return _read_feed(context, _feed(source.source), days, wanted)


def _feed(source: Source) -> Feed:
    assert isinstance(source, Feed)  # a declaration is checked for it
    return source


def _read_feed(context: StageContext, feed: Feed, days: DayRange, wanted: DayRange) -> Input:
    from pyspark.sql import functions as F

    landings = records(context, feed, wanted)
    frame = landed.read(context.spark, feed, context.use_case.contract(feed), landings, context.layout.raw)
    rejected = frame.filter(F.size(landed.REASONS) > 0)
    if feed.daily:  # rows of the look-back were quarantined when their own day was built
        rejected = rejected.filter(F.col(landed.DELIVERED_FOR).between(F.lit(days.first), F.lit(days.last)))
    else:
        rejected = rejected.withColumn(landed.DELIVERED_FOR, F.lit(days.first))
    rows = frame.filter(F.size(landed.REASONS) == 0).drop(landed.REASONS, landed.DELIVERED_FOR, landed.RAW)
    count = sum(record.rows for record in landings if record.day is None or record.day in days)
    return Input(rows, rejected.persist(), count)
