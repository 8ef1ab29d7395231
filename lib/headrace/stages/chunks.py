"""Cut ranges of days into chunks by the bytes that building them reads; each chunk is one commit.

Bytes are estimated from rows and contracts, because reading the sizes of files would take a listing for each day.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.declare import Contract, Feed, LookBack, Table
from headrace.landing.record import Record
from headrace.stages.context import StageContext

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MEGABYTE = 1 << 20
FIELD_BYTES = 8  # as Spark keeps a field of a row, whatever its type
TEXT_BYTES = 24  # what a text takes beside its field: an assumption
UNPACKED = 10  # bytes of rows in memory for each byte of a delivered file, which may be compressed: an assumption
PARTITION_BYTES = 32 * MEGABYTE  # of a shuffle; a task sorts or aggregates one partition at a time
MAX_PARTITIONS = 2_000


@dataclass(frozen=True)
class Chunk:
    """Days that are built in one commit, and what building them reads, look-back included.

    ``rows`` counts the sources' rows as they are now. ``bytes`` is what these rows take in Spark's memory, about.
    """

    days: DayRange
    rows: int
    bytes: int


def chunks_of(context: StageContext, table: Table, ranges: Iterable[DayRange]) -> list[Chunk]:
    """Cut each range into chunks of about ``build.chunk_mb``.

    A chunk is at least as long as the table's look-back, so that no day is read more than twice. It has whole days,
    so that a large day is a chunk by itself.
    """
    sources = [_Source.of(context, read) for read in table.sources]
    least = 1 + max((read.last - read.first for read in table.sources), default=0)

    def own_bytes(day: dt.date) -> int:
        return sum(source.on(day) * source.a_row for source in sources)

    def chunk(days: DayRange) -> Chunk:
        rows = [source.rows(days.widened(-source.read.first, source.read.last)) for source in sources]
        sizes = [count * source.a_row for count, source in zip(rows, sources, strict=True)]
        return Chunk(days, sum(rows), sum(sizes))

    return [chunk(part) for days in ranges for part in cut(days, own_bytes, limit_of(context), least)]


def limit_of(context: StageContext) -> int:
    """The bytes of rows that one commit is made from."""
    return context.config.build.chunk_mb * MEGABYTE


def cut(days: DayRange, bytes_of: Callable[[dt.date], int], limit: int, least: int) -> list[DayRange]:
    """Cut days into parts of about equal bytes: about ``limit`` at most, but ``least`` days or more."""
    weights = [1 + bytes_of(day) for day in days]  # days without rows share parts, too
    total = sum(weights)
    parts = max(1, min(math.ceil(total / limit), len(days) // least))
    middles, before = [], 0
    for weight in weights:
        middles.append(before + weight / 2)
        before += weight
    placed = groupby(zip(days, middles, strict=True), lambda at: int(at[1] * parts / total))
    return [DayRange(some[0][0], some[-1][0]) for some in ([*group] for _, group in placed)]


def partitions_of(size: int) -> int:
    """Into how many partitions Spark should shuffle rows that take ``size`` bytes; it merges small ones itself."""
    return min(MAX_PARTITIONS, max(1, math.ceil(size / PARTITION_BYTES)))


def set_partitions(spark: SparkSession, size: int) -> None:
    """Let the queries that follow shuffle into as many partitions as ``size`` bytes need, and at least one a core."""
    partitions = max(partitions_of(size), spark.sparkContext.defaultParallelism)
    spark.conf.set("spark.sql.shuffle.partitions", str(partitions))


def row_bytes(contract: Contract) -> int:
    """The bytes that a row takes in Spark's memory, about."""
    texts = sum(contract.type_of(column) == "string" for column in contract.columns)
    return FIELD_BYTES * len(contract.columns) + TEXT_BYTES * texts


def likely_rows(record: Record, a_row: int) -> int:
    """The rows of a delivery. If nobody has counted them, they are estimated from the size of its files."""
    return sum(file.bytes for file in record.files) * UNPACKED // a_row if record.rows is None else record.rows


@dataclass(frozen=True)
class _Source:
    """A source as a build reads it: the rows on a day, all rows of a reference feed, and the bytes of a row."""

    read: LookBack
    on: Callable[[dt.date], int]
    reference: int
    a_row: int

    @classmethod
    def of(cls, context: StageContext, read: LookBack) -> _Source:
        source = read.source
        assert isinstance(source, (Feed, Table))  # a declaration is checked for it
        a_row = row_bytes(context.use_case.contract(source))
        if isinstance(source, Table):
            published = context.table(source).publications
            return cls(read, lambda day: published[day].rows if day in published else 0, 0, a_row)

        def landed(day: dt.date | None) -> int:
            record = context.landings.record(source.name, day)
            return likely_rows(record, a_row) if record else 0

        return cls(read, landed, 0, a_row) if source.daily else cls(read, lambda _: 0, landed(None), a_row)

    def rows(self, days: DayRange) -> int:
        return self.reference + sum(map(self.on, days))
