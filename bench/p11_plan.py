"""P11: plan a build over 1,100 published days in S3, 20 ms a request, beside reading the tables' histories.

Each day was landed and published by itself, so each feed has 1,100 landings and each table 1,100 commits. The plan
looks at all feeds and tables of ``flights.features``, and finds every day up to date. The peer only reads the history
of the three tables with delta-rs, which was the way to find publish ids before there was an index.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
from deltalake import CommitProperties, Transaction, write_deltalake
from headrace import config as configuration
from headrace import declare
from headrace.days import DayRange
from headrace.declare import Feed, Table, UseCase
from headrace.lake import DayContents
from headrace.lake.commits import WRITER
from headrace.lake.look import INDEX, keep_index, look
from headrace.lake.publications import PUBLISH_ID
from headrace.landing.delivered import Delivered
from headrace.landing.entry import Record
from headrace.landing.log import Log
from headrace.stages.build_plan import plan_build
from headrace.stages.context import StageContext
from headrace.storage import Place, for_each, upload

from bench.far_s3 import far_bucket
from bench.result import Result, cores
from bench.turns import in_turns

TABLE = "flights.features"
DAYS = DayRange.parse("2013-01-01..2016-01-05")
AWAY_SECONDS = 0.02
TURNS, MAX_SECONDS = 3, 3.0


def run(days: DayRange = DAYS, turns: int = TURNS) -> Result:
    """Measure; seconds are medians."""
    with far_bucket("p11-plan") as (bucket, be_away, _):
        use_case = declare.load("flights")
        _publish(use_case, days, bucket)
        be_away(AWAY_SECONDS)
        plain = {table.name: bucket / "plain" / table.name for table in use_case.in_order(TABLE)}

        def ours() -> None:
            context = _context(use_case, bucket / "root")
            for table in use_case.in_order(TABLE):
                plan = plan_build(context, table, days)
                assert (plan.chunks, dict(plan.waiting)) == ([], {}), plan.chunks
                assert len(plan.ids) == len(days)

        def peer() -> None:
            context = _context(use_case, bucket / "root")
            for table in use_case.in_order(TABLE):
                assert len(context.table(table).delta().history()) == len(days)

        def without_index() -> None:
            for name, folder in plain.items():
                state, _ = look(folder)
                assert len(state.publications) == len(days), name
                (folder / INDEX).unlink()

        timed = in_turns({"ours": ours, "peer": peer, "without index": without_index}, turns)
    seconds, peer_seconds = timed["ours"].median, timed["peer"].median
    return Result(
        id="P11-plan",
        what=f"planning a build of {len(days):,} published days in S3 / reading the tables' histories (less is better)",
        ours=round(seconds, 2),
        peer=round(peer_seconds, 2),
        unit="s",
        ratio=round(seconds / peer_seconds, 3),
        aim=f"<= {MAX_SECONDS} s",
        met=seconds <= MAX_SECONDS,
        cores=cores(),
        rows=len(days),
        seconds={name: times.rounded for name, times in timed.items()},
    )


def _context(use_case: UseCase, root: Place) -> StageContext:
    return StageContext(configuration.load("local").model_copy(update={"root": root}), use_case)


def _publish(use_case: UseCase, days: DayRange, bucket: Place) -> None:
    """Make the lake on a disk, a day at a time, and copy it to ``root``; ``plain`` has the tables without an index."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        for feed in use_case.feeds.values():
            _land(feed, days, root)
        context = _context(use_case, root)
        for table in use_case.in_order(TABLE):
            _commit(context, table, days)
        _copy(root, bucket / "root")
        for table in use_case.in_order(TABLE):
            folder = context.table(table).path
            assert isinstance(folder, Path)
            shutil.rmtree(folder / INDEX.split("/", maxsplit=1)[0])
            _copy(folder, bucket / "plain" / table.name)


def _land(feed: Feed, days: DayRange, root: Path) -> None:
    log = Log(root / "raw", feed.name)
    found = log.read()
    state = found.state
    for day in days if feed.daily else [None]:
        state = log.append(state, (_record(feed, day),))
    log.renew_index(found, state)


def _record(feed: Feed, day: dt.date | None) -> Record:
    digest = hashlib.sha256(f"{feed.name} {day}".encode()).hexdigest()
    file = Delivered(name="file.csv", stored="file.csv", bytes=1, sha256=digest, rows=1, columns=("a",))
    return Record(feed=feed.name, day=day, landed_at=dt.datetime.now(dt.UTC), source="inbox", files=(file,))


def _commit(context: StageContext, table: Table, days: DayRange) -> None:
    """Publish each day in its own commit, one row a day."""
    ids, folder = plan_build(context, table, days).ids, context.table(table).path
    for generation, day in enumerate(days, 1):
        contents = DayContents({day: ids[day]}, {day: 1})
        write_deltalake(
            str(folder),
            pa.table({PUBLISH_ID: [ids[day]], table.day: [day]}),
            partition_by=[table.day],
            mode="append",
            commit_properties=CommitProperties(
                custom_metadata={"userMetadata": contents.as_metadata()},
                app_transactions=[Transaction(WRITER, generation)],
            ),
        )
    keep_index(folder, look(folder)[0])


def _copy(folder: Path, to: Place) -> None:
    files = [file for file in folder.rglob("*") if file.is_file()]
    for_each(to, lambda file: upload(file, to / file.relative_to(folder)), files)
