"""Land a feed: copy what was delivered for each day into the raw area, once, and record it."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from headrace.days import DayRange
from headrace.declare import Contract, Feed
from headrace.errors import InputNotYetError, MissingInputError
from headrace.landing.contract import check_columns
from headrace.landing.delivered import contents, digest, inspect
from headrace.landing.record import Record, folder, read_record, write_record


class Landing(BaseModel):
    """What landing a feed did."""

    model_config = ConfigDict(frozen=True)

    feed: str
    days: int
    files: int
    rows: int
    landed: int  # days that had not been landed as they are now
    missing: list[dt.date] = []


def land(feed: Feed, contract: Contract, days: DayRange, inbox: Path, raw: Path, now: dt.datetime) -> Landing:
    """Land each of ``days`` of a feed (a reference feed: its one set of files). Landing the same again does nothing.

    Raises:
        BadInputError: a file is empty, truncated, or has other columns than the contract. Days before it are landed.
        MissingInputError, InputNotYetError: the feed fails on a missing day, and it is late, or not yet due.
    """
    wanted: list[dt.date | None] = [d for d in days if not feed.since or d >= feed.since] if feed.daily else [None]
    with ThreadPoolExecutor(max_workers=8) as pool:
        done = list(pool.map(lambda day: _land_day(feed, contract, day, inbox, raw, now), wanted))
    records = [record for record, _ in done]
    return Landing(
        feed=feed.name,
        days=len(wanted),
        files=sum(len(r.files) for r in records),
        rows=sum(r.rows for r in records),
        landed=sum(new for _, new in done),
        missing=[record.day for record in records if record.day and not record.files],
    )


def _land_day(
    feed: Feed, contract: Contract, day: dt.date | None, inbox: Path, raw: Path, now: dt.datetime
) -> tuple[Record, bool]:
    """The day's record, and whether it is new. A record without files: the feed goes on without the day."""
    found = sorted(p for p in inbox.glob(feed.pattern.format(day=day)) if p.is_file())
    before = read_record(raw, feed.name, day)
    if not found and before is not None:
        return before, False  # what has landed stays, though the inbox was cleared since
    if not found:
        _missing(feed, day, inbox, now)
    if before is not None and _same(found, before):
        return before, False
    files = []
    for path in found:
        delivered = inspect(path)
        check_columns(feed, contract, str(path), delivered.columns)
        files.append((path, delivered))
    stored_in = folder(raw, feed.name, day)
    stored_in.mkdir(parents=True, exist_ok=True)
    stored = [d.model_copy(update={"stored": _store(path, d.sha256, stored_in)}) for path, d in files]
    record = Record(
        feed=feed.name, day=day, landed_at=now, source=str(inbox / feed.pattern.format(day=day)), files=tuple(stored)
    )
    write_record(raw, record)
    return record, True


def _missing(feed: Feed, day: dt.date | None, inbox: Path, now: dt.datetime) -> None:
    """Return if the feed goes on without the day; raise otherwise."""
    looked = f"nothing matches {inbox / feed.pattern.format(day=day)}"
    if day is None:
        raise MissingInputError(f"feed {feed.name} has no files: {looked}", "Deliver them, then land again")
    due = feed.due(day)
    when = f"{due:%Y-%m-%d %H:%M %Z}"
    if now < due:
        raise InputNotYetError(f"feed {feed.name} has no files for {day} yet: {looked}", f"They are due by {when}")
    if feed.if_missing == "fail":
        raise MissingInputError(
            f"feed {feed.name} has no files for {day}: {looked}, and they were due by {when}",
            "Ask the feed's owner for the day, or choose days that the feed has",
        )


def _same(found: Iterable[Path], before: Record) -> bool:
    """Whether the inbox holds just what has landed; file sizes are compared before contents."""
    known = {f.name: f for f in before.files}
    found = list(found)
    return {p.name for p in found} == set(known) and all(
        p.stat().st_size == known[p.name].bytes and digest(p) == known[p.name].sha256 for p in found
    )


def _store(path: Path, sha256: str, folder: Path) -> str:
    """Copy a file under a name with its digest, so that a corrected file never overwrites the one before."""
    zipped = path.suffix == ".zip"  # Spark reads gzip, not zip
    name = f"{sha256[:12]}-{path.stem if zipped else path.name}{'.gz' if zipped else ''}"
    partial = folder / f".{name}.{os.getpid()}.partial"
    if zipped:
        with gzip.GzipFile(partial, "wb", mtime=0) as out:
            out.writelines(contents(path))
    else:
        shutil.copyfile(path, partial)
    partial.replace(folder / name)
    return name
