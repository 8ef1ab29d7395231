"""What a table reads: the publish ids of its sources, and their rows."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.declare import Feed, LookBack, Table, resolve
from headrace.lake.publications import path_of, publications
from headrace.lake.read import read
from headrace.lake.staleness import Ids
from headrace.landing import frame as landed
from headrace.landing.record import Record, read_record
from headrace.stages.job import Job
from headrace.storage import for_each

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Input:
    """A source's good rows, those that do not fit its contract (None where it is a table), and how many rows it has.

    A table, which a transform reads many times over, and a feed's few misfits are kept in memory, and on disk beyond
    it, until ``release``.
    """

    rows: DataFrame
    misfits: DataFrame | None
    count: int

    def release(self) -> None:
        (self.rows if self.misfits is None else self.misfits).unpersist()


def publish_ids(job: Job, source: Feed | Table, days: Iterable[dt.date]) -> Ids:
    """The publish id of each of ``days`` that is there; a reference feed's under None."""
    if isinstance(source, Table):
        return {d: p.id for d, p in publications(path_of(job.config.tables, source.name)).items()}
    return {record.day: record.publish_id for record in records(job, source, days)}


def records(job: Job, feed: Feed, days: Iterable[dt.date]) -> list[Record]:
    wanted: list[dt.date | None] = list(days) if feed.daily else [None]
    raw = job.config.raw
    found = for_each(raw, lambda day: read_record(raw, feed.name, day), wanted)
    return [record for record in found if record is not None]


def code_digest(job: Job, table: Table) -> str:
    """SHA-256 of all but the input that decides a table's rows: code, contracts, suites, checks."""
    folder, sha = job.use_case.folder, hashlib.sha256()
    sha.update(resolve.digest(job.use_case.package, table.by).encode())
    feeds = [s.source for s in table.sources if isinstance(s.source, Feed)]
    suites = [c.suite for c in table.checks if c.suite]
    for file in [table.columns, *[f.columns for f in feeds], *suites]:
        sha.update((folder / file).read_bytes())
    rules = [(c.condition, c.suite, c.on_fail) for c in table.checks]
    reads = [(s.name, s.first, s.last) for s in table.sources]
    sha.update(repr((table.by, table.day, table.key, rules, reads, [f.day for f in feeds])).encode())
    return sha.hexdigest()


def read_source(job: Job, source: LookBack, days: DayRange) -> Input:
    """The source's rows for building ``days``, its look-back included."""
    wanted = days.widened(-source.first, source.last)
    if isinstance(source.source, Table):
        published = publications(path_of(job.config.tables, source.name))
        count = sum(p.rows for d, p in published.items() if d in days)
        return Input(read(job.spark, job.config.tables, source.source, wanted).persist(), None, count)
    feed = source.source
    assert isinstance(feed, Feed)
    from pyspark.sql import functions as F

    landings = records(job, feed, wanted)
    frame = landed.read(job.spark, feed, job.use_case.contract(feed), landings, job.config.raw)
    misfits = frame.filter(F.size(landed.REASONS) > 0)
    if feed.daily:  # those of days looked back on were set aside when their own day was built
        misfits = misfits.filter(F.col(landed.DELIVERED_FOR).between(F.lit(days.first), F.lit(days.last)))
    else:
        misfits = misfits.withColumn(landed.DELIVERED_FOR, F.lit(days.first))
    rows = frame.filter(F.size(landed.REASONS) == 0).drop(landed.REASONS, landed.DELIVERED_FOR, landed.RAW)
    return Input(rows, misfits.persist(), sum(r.rows for r in landings if r.day is None or r.day in days))
