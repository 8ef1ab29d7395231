"""Cut ranges of days into chunks by the bytes that building them reads; each chunk is one commit.

Bytes are estimated from rows and contracts, because reading the sizes of files would take a listing for each day.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

from headrace.backends.spark_settings import SHUFFLE_PARTITIONS
from headrace.days import DayRange
from headrace.declare import Contract, Feed, LookBack, Table
from headrace.lake.staleness import is_reference
from headrace.landing.record import Record
from headrace.stages.context import StageContext

MEGABYTE = 1 << 20
FIELD_BYTES = 8  # as Spark keeps a field of a row, whatever its type
TEXT_BYTES = 24  # what a text takes beside its field: an assumption
PACKED, UNPACKED = (".gz", ".zip"), 10  # bytes of rows in memory for a byte of a compressed file: an assumption
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


def chunks_of(
    context: StageContext, table: Table, ranges: Iterable[DayRange], split: Callable[[DayRange], list[DayRange]]
) -> list[Chunk]:
    """Cut each range into chunks of about ``build.chunk_mb``.

    There are no more chunks than the days have look-backs, so that most days are read twice at most. A chunk has whole
    days, so that a large day is a chunk by itself.

    Args:
        split: cuts a chunk where its days see other deliveries than its first day.
    """
    sources = _sources(context, table)
    least = 1 + max((read.last - read.first for read in table.sources), default=0)

    def own_bytes(day: dt.date) -> int:
        return sum(source.on(day)[1] for source in sources if not is_reference(source.read))

    parts = (part for days in ranges for part in cut(days, own_bytes, limit_of(context), least))
    return [_chunk(sources, days) for part in parts for days in split(part)]


def chunk_of(context: StageContext, table: Table, days: DayRange) -> Chunk:
    """All the days as one chunk."""
    return _chunk(_sources(context, table), days)


def limit_of(context: StageContext) -> int:
    """The bytes of rows that one commit is made from."""
    return context.config.build.chunk_mb * MEGABYTE


def cut(days: DayRange, bytes_of: Callable[[dt.date], int], limit: int, least: int) -> list[DayRange]:
    """Cut days into parts of about equal bytes, ``limit`` or less, but into no more parts than ``least`` days allow."""
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


def set_partitions(context: StageContext, size: int) -> None:
    """Let the queries that follow shuffle into as many partitions as ``size`` bytes need, and at least one a core.

    A number in the configuration's ``spark.conf`` stands.
    """
    if SHUFFLE_PARTITIONS not in context.config.spark.conf:
        partitions = max(partitions_of(size), context.spark.sparkContext.defaultParallelism)
        context.spark.conf.set(SHUFFLE_PARTITIONS, str(partitions))


def published_bytes(context: StageContext, table: Table, days: DayRange) -> int:
    """What the published rows of days of a table take in memory, about."""
    return context.table(table).rows(days) * row_bytes(context.use_case.contract(table))


def row_bytes(contract: Contract) -> int:
    """The bytes that a row takes in Spark's memory, about."""
    texts = sum(contract.type_of(column) == "string" for column in contract.columns)
    return FIELD_BYTES * len(contract.columns) + TEXT_BYTES * texts


def landed_rows(record: Record, contract: Contract) -> int:
    """The rows of a delivery. If nobody has counted them, they follow from the size of its files."""
    return landed_bytes(record, a_row := row_bytes(contract)) // a_row if record.rows is None else record.rows


def landed_bytes(record: Record, a_row: int) -> int:
    """What the rows of a delivery take in memory, about. Long texts show in the size of its files."""
    unpacked = sum(file.bytes * (UNPACKED if file.name.endswith(PACKED) else 1) for file in record.files)
    return max(unpacked, (record.rows or 0) * a_row)


@dataclass(frozen=True)
class _Source:
    """A source as a build reads it: rows and bytes on a day. A reference feed has them on each day."""

    read: LookBack
    on: Callable[[dt.date], tuple[int, int]]

    @classmethod
    def of(cls, context: StageContext, read: LookBack) -> _Source:
        source = read.source
        assert isinstance(source, (Feed, Table))  # a declaration is checked for it
        contract = context.use_case.contract(source)
        a_row = row_bytes(contract)
        if isinstance(source, Table):
            published = context.table(source).publications

            def stored(day: dt.date) -> tuple[int, int]:
                rows = published[day].rows if day in published else 0
                return rows, rows * a_row

            return cls(read, stored)

        def landed(day: dt.date) -> tuple[int, int]:
            record = context.landings.record(source.name, day if source.daily else None)
            return (landed_rows(record, contract), landed_bytes(record, a_row)) if record else (0, 0)

        return cls(read, landed)

    def within(self, days: DayRange) -> tuple[int, int]:
        """The rows and bytes that a build of ``days`` reads, look-back included."""
        if is_reference(self.read):
            return self.on(days.first)
        found = [self.on(day) for day in days.widened(-self.read.first, self.read.last)]
        return sum(rows for rows, _ in found), sum(size for _, size in found)


def _sources(context: StageContext, table: Table) -> list[_Source]:
    return [_Source.of(context, read) for read in table.sources]


def _chunk(sources: Iterable[_Source], days: DayRange) -> Chunk:
    read = [source.within(days) for source in sources]
    return Chunk(days, sum(rows for rows, _ in read), sum(size for _, size in read))
