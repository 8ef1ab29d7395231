"""Land a feed: copy the files of each day into the raw area, once, and record them."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from headrace.days import DayRange
from headrace.declare import Contract, Feed
from headrace.errors import InputNotYetError, MissingInputError
from headrace.frozen import FrozenModel
from headrace.landing.contract import check_columns
from headrace.landing.delivered import contents, digest, inspect
from headrace.landing.record import Record, folder, read_record, write_record
from headrace.storage import Place, local_copy, upload, writing


class Landing(FrozenModel):
    """The result of landing a range of days of a feed.

    ``days``, ``files`` and ``rows`` count what has landed for the range, now or earlier. ``landed`` counts the days
    whose files are new or corrected. ``missing`` lists the days that the feed continues without.
    """

    feed: str
    days: int
    files: int
    rows: int
    landed: int
    missing: list[dt.date] = []


def land(feed: Feed, contract: Contract, days: DayRange, inbox: Place, raw: Place, now: dt.datetime) -> Landing:
    """Land each of ``days`` of a feed, or the one set of files of a reference feed. Unchanged files do nothing.

    Raises:
        BadInputError: a file is empty, truncated, or has other columns than the contract. Earlier days stay landed.
        MissingInputError: a day has no files, it is late, and the feed does not continue without it.
        InputNotYetError: a day has no files and is not yet due.
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
    feed: Feed, contract: Contract, day: dt.date | None, inbox: Place, raw: Place, now: dt.datetime
) -> tuple[Record, bool]:
    """The day's record, and whether it is new. A record without files means that the feed continues without the day."""
    found = sorted(p for p in inbox.glob(feed.pattern.format(day=day)) if p.is_file())
    before = read_record(raw, feed.name, day)
    if not found and before is not None:
        return before, False  # landed files stay, even if the inbox has been cleared since
    if not found:
        _refuse_missing(feed, day, inbox, now)
    with ExitStack() as copies:
        local = [copies.enter_context(local_copy(path)) for path in found]
        if before is not None and _same(local, before):
            return before, False
        files = []
        for path, copy in zip(found, local, strict=True):
            delivered = inspect(copy, str(path))
            check_columns(feed, contract, str(path), delivered.columns)
            files.append((copy, delivered))
        stored_in = folder(raw, feed.name, day)
        stored = [d.model_copy(update={"stored": _store(copy, d.sha256, stored_in)}) for copy, d in files]
    record = Record(
        feed=feed.name, day=day, landed_at=now, source=str(inbox / feed.pattern.format(day=day)), files=tuple(stored)
    )
    write_record(raw, record)
    return record, True


def _refuse_missing(feed: Feed, day: dt.date | None, inbox: Place, now: dt.datetime) -> None:
    """Raise unless the feed continues without the day."""
    looked = f"nothing matches {inbox / feed.pattern.format(day=day)}"
    if day is None:
        raise MissingInputError(f"feed {feed.name} has no files: {looked}", "Deliver them, then land again")
    due = feed.due(day)
    due_by = f"{due:%Y-%m-%d %H:%M %Z}"
    if now < due:
        raise InputNotYetError(f"feed {feed.name} has no files for {day} yet: {looked}", f"They are due by {due_by}")
    if feed.if_missing == "fail":
        raise MissingInputError(
            f"feed {feed.name} has no files for {day}: {looked}, and they were due by {due_by}",
            "Ask the feed's owner for the day, or choose days that the feed has",
        )


def _same(found: Sequence[Path], before: Record) -> bool:
    """Whether the inbox holds exactly the landed files. Sizes are compared first, to save reading large files."""
    known = {f.name: f for f in before.files}
    return {p.name for p in found} == set(known) and all(
        p.stat().st_size == known[p.name].bytes and digest(p) == known[p.name].sha256 for p in found
    )


def _store(path: Path, sha256: str, folder: Place) -> str:
    """Copy a file under a name that contains its digest, so that a corrected file never overwrites an earlier one."""
    if path.suffix != ".zip":
        name = f"{sha256[:12]}-{path.name}"
        upload(path, folder / name)
        return name
    name = f"{sha256[:12]}-{path.stem}.gz"  # Spark reads gzip, not zip
    with (
        writing(folder / name) as packed,
        packed.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as out,
    ):
        out.writelines(contents(path))
    return name
