"""Build tables: for each that is stale, read, transform, check, publish; upstream tables first."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

from headrace.days import DayRange, runs
from headrace.declare import Table, resolve
from headrace.errors import MissingInputError
from headrace.lake.contract import conform
from headrace.lake.publications import exists, path_of, publications
from headrace.lake.publish import publish
from headrace.lake.staleness import expected, first_day, stale
from headrace.landing.frame import DELIVERED_FOR
from headrace.quality import rows as quality
from headrace.quality.quarantine import quarantine_of, set_aside
from headrace.result import Result, tell
from headrace.sizing.ledger import recorded
from headrace.stages.job import Job, published, rate, say
from headrace.stages.sources import Input, code_digest, publish_ids, read_source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MOST_REASONS = 100  # of a feed that are told; a reason quotes what was wrong, so there may be as many as rows


def build_tables(job: Job, name: str, days: DayRange, *, catch_up: bool = False) -> dict[str, dict[str, Any]]:
    """Build the days of the table called ``name``, and of all that it is made from, that are not as they should be.

    With ``catch_up`` also every other published day of these tables that is stale: a corrected day makes those stale
    that look back on it.

    Raises:
        MissingInputError: the feeds begin later.
    """
    first = first_day(job.use_case.table(name))
    if days.last < first:
        raise MissingInputError(f"{name} begins on {first}, after {days}", "Choose days from then on")
    with recorded(job.config.ledger, "build", name, str(days)) as entry:
        tables = entry.facts["tables"] = {}
        for table in job.use_case.in_order(name):
            tables[table.name] = _build(job, table, days, catch_up)
        there = {table: published(path_of(job.config.tables, table), days) for table in tables}
        tell(Result(stage="build", of=name, days=str(days), rows=there[name].rows, tables=there))
    return tables


def stale_days(job: Job, table: Table, days: DayRange | None = None) -> tuple[list[DayRange], dict[dt.date, str]]:
    """The ranges of days to build, and the publish ids that they will have; without ``days``, of those published."""
    published = {day: p.id for day, p in publications(path_of(job.config.tables, table.name)).items()}
    wanted = list(days or published)
    if not wanted:
        return [], {}

    def ids_of(name: str) -> Mapping[dt.date | None, str]:
        reads = [s for s in table.sources if s.name == name]  # a table may read a source more than once
        back, ahead = -min(s.first for s in reads), max(s.last for s in reads)
        return publish_ids(job, reads[0].source, DayRange(min(wanted), max(wanted)).widened(back, ahead))

    ids = expected(table, code_digest(job, table), ids_of, wanted)
    return stale(ids, published), ids


def _build(job: Job, table: Table, days: DayRange, catch_up: bool) -> dict[str, Any]:
    ranges, ids = stale_days(job, table, days)
    if catch_up:
        older, older_ids = stale_days(job, table)
        ranges = runs(day for each in (*ranges, *older) for day in each)  # the two may share days
        ids = {**older_ids, **ids}
    if not ranges:
        published = publications(path_of(job.config.tables, table.name))
        count = sum(p.rows for d, p in published.items() if d in days)
        say("build", f"{table.name:<20} {days}  is as it should be", rows=f"{count:,}")
        return {"rows": count, "built": []}
    done = [_build_range(job, table, each, ids) for each in ranges]
    total = {key: sum(facts[key] for facts in done) for key in ("rows_in", "rows", "quarantined")}
    return {**total, "built": [str(r) for r in ranges], "reasons": _added(facts["reasons"] for facts in done)}


def _build_range(job: Job, table: Table, days: DayRange, ids: Mapping[dt.date, str]) -> dict[str, Any]:
    """Read, transform, check and publish one range, and say what came of it."""
    clock = time.monotonic()
    inputs = [read_source(job, source, days) for source in table.sources]
    judged = _judged(job, table, days, inputs).persist()
    try:
        tallied = _publish_range(job, table, days, ids, inputs, judged)
    finally:
        judged.unpersist()
        for each in inputs:
            each.release()
    rows, seconds = sum(tallied.good.values()), time.monotonic() - clock
    figures = {"rows": f"{rows:,}", "s": f"{seconds:.1f}", "rows/s": rate(rows, seconds)}
    say("build", f"{table.name:<20} {days}", **figures)
    for reason, count in sorted(tallied.reasons.items()):
        say("build", f"{table.name:<20} set aside {count:,}: {reason}")
    rows_in = sum(i.count for i in inputs)
    return {"rows_in": rows_in, "rows": rows, "quarantined": tallied.quarantined, "reasons": tallied.reasons}


def _judged(job: Job, table: Table, days: DayRange, inputs: list[Input]) -> DataFrame:
    """What the transform makes of the inputs on these days, each row with the reasons why it is bad, if any."""
    from pyspark.sql import functions as F

    contract = job.use_case.contract(table)
    made = resolve.function(job.use_case.package, table.by)(*[i.rows for i in inputs])
    of_days = conform(made, table, contract).filter(F.col(table.day).between(F.lit(days.first), F.lit(days.last)))
    return quality.judged(of_days, contract, table.checks)


def _publish_range(
    job: Job, table: Table, days: DayRange, ids: Mapping[dt.date, str], inputs: list[Input], judged: DataFrame
) -> quality.Tally:
    """Publish the good rows and set the bad ones aside, unless the batch is refused as a whole."""
    from pyspark.sql import functions as F

    of_table = quality.tally(judged, table.day, table.name)
    misfits, of_feeds = _misfits(inputs)
    bad_by_day, reasons = _added([of_table.bad, of_feeds.bad]), _added([of_table.reasons, of_feeds.reasons])
    tallied = quality.Tally(of_table.good, bad_by_day, reasons)
    bad = judged.filter(F.size(quality.REASONS) > 0)
    good = judged.filter(F.size(quality.REASONS) == 0).drop(quality.REASONS, quality.REFUSED)
    quality.refuse_share(tallied.rows, tallied, job.config.quality.max_quarantined_share, table.name)
    quality.refuse_duplicates(good, table.key, table.name)
    _validate(job, table, good)
    within = {day: publish_id for day, publish_id in ids.items() if day in days}
    as_json = F.to_json(F.struct(*good.columns))
    asides = [set_aside(bad, table.day, table.name, quality.REASONS, as_json)] if of_table.quarantined else []
    _publish_quarantine(job, table, days, [*asides, *misfits], within, tallied.bad)
    path = path_of(job.config.tables, table.name)
    publish(good, path, table.day, days, ids=within, rows=tallied.good, quarantined=tallied.bad)
    return tallied


def _misfits(inputs: list[Input]) -> tuple[list[DataFrame], quality.Tally]:
    """Rows of feeds that do not fit their contract, as quarantine rows, and their tally."""
    from pyspark.sql import functions as F

    from headrace.landing.frame import RAW
    from headrace.landing.frame import REASONS as MISFIT

    frames, bad, reasons = [], dict[dt.date, int](), dict[str, int]()
    for each in inputs:
        if each.misfits is None:
            continue
        by_day = each.misfits.groupBy(DELIVERED_FOR).count().collect()
        if not by_day:
            continue
        frames.append(set_aside(each.misfits, DELIVERED_FOR, "feed", MISFIT, F.col(RAW)))
        bad = _added([bad, {row[DELIVERED_FOR]: row["count"] for row in by_day}])
        by_reason = each.misfits.select(F.explode(MISFIT).alias("reason")).groupBy("reason").count()
        worst = by_reason.orderBy(F.desc("count"), "reason").limit(MOST_REASONS).collect()
        reasons = _added([reasons, {row["reason"]: row["count"] for row in worst}])
    return frames, quality.Tally({}, bad, reasons)


def _validate(job: Job, table: Table, good: DataFrame) -> None:
    for check in table.checks:
        if check.suite:
            from headrace.quality.suite import validate

            validate(good, job.use_case.folder / check.suite, table.name, job.config)


def _publish_quarantine(
    job: Job,
    table: Table,
    days: DayRange,
    frames: list[DataFrame],
    ids: Mapping[dt.date, str],
    rows: Mapping[dt.date, int],
) -> None:
    """Replace what was set aside on these days; where nothing was, remove what an earlier build set aside."""
    path = path_of(job.config.tables, quarantine_of(table.name))
    if not frames and not exists(path):
        return
    none = job.spark.createDataFrame([], "day date, source string, reasons string, row string")
    publish(reduce(lambda a, b: a.unionByName(b), frames, none), path, "day", days, ids=ids, rows=rows, quarantined={})


def _added(counts: Any) -> dict[Any, int]:
    total: dict[Any, int] = {}
    for each in counts:
        for key, count in each.items():
            total[key] = total.get(key, 0) + count
    return total
