"""The sources of a table: their publish ids and their rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.declare import Feed, LookBack, Source, Table
from headrace.lake.staleness import Ids
from headrace.landing import frame as landed
from headrace.landing.record import Record, folder
from headrace.stages.context import StageContext

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Input:
    """A source as a build reads it.

    Attributes:
        rows: its good rows, on all days of the look-back. A table's stay in memory, or on disk, until ``release``,
            because a transform reads them many times.
        recorded: the number of rows of each day, as the landing records or publications say; under None a reference
            feed's.
        files: where each day of a feed lies, for errors.
        marked: all rows of a feed with the reasons why they are rejected, as ``landing.frame`` reads them; None for a
            table.
    """

    source: LookBack
    rows: DataFrame
    recorded: Mapping[dt.date | None, int]
    files: Mapping[dt.date | None, str] = field(default_factory=dict)
    marked: DataFrame | None = None

    def release(self) -> None:
        if self.marked is None:
            self.rows.unpersist()


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


def read_source(context: StageContext, source: LookBack, days: DayRange) -> Input:
    """The source's rows for building ``days``, with its look-back."""
    wanted = days.widened(-source.first, source.last)
    if isinstance(source.source, Table):
        table = context.table(source.source)
        recorded: Mapping[dt.date | None, int] = {
            day: publication.rows for day, publication in table.publications.items() if day in wanted
        }
        return Input(source, table.read(context.spark, wanted).persist(), recorded)
    return _read_feed(context, source, wanted)


@contextmanager
def inputs_of(context: StageContext, table: Table, days: DayRange) -> Iterator[list[Input]]:
    """What a build of ``days`` of a table reads, in the order of ``reads``; released after the block."""
    with ExitStack() as read:
        inputs = []
        for source in table.sources:
            inputs.append(read_source(context, source, days))
            read.callback(inputs[-1].release)
        yield inputs


def _feed(source: Source) -> Feed:
    assert isinstance(source, Feed)  # a declaration is checked for it
    return source


def _read_feed(context: StageContext, source: LookBack, wanted: DayRange) -> Input:
    from pyspark.sql import functions as F

    feed, raw = _feed(source.source), context.layout.raw
    landings = records(context, feed, wanted)
    marked = landed.read(context.spark, feed, context.use_case.contract(feed), landings, raw)
    rows = marked.filter(F.size(landed.REASONS) == 0).drop(landed.REASONS, landed.DELIVERED_FOR, landed.RAW)
    files = {r.day: f"{folder(raw, feed.name, r.day)} ({', '.join(f.stored for f in r.files)})" for r in landings}
    return Input(source, rows, {record.day: record.rows for record in landings}, files, marked)
