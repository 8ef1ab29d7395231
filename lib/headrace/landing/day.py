"""Land the files of one day: inspect them, and copy them into the raw area. The landing log then records them."""

from __future__ import annotations

import datetime as dt
import gzip
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from headrace.declare import Contract, Feed
from headrace.errors import InputNotYetError, MissingInputError
from headrace.landing.contract import check_columns
from headrace.landing.delivered import Delivered, contents, digest, inspect
from headrace.landing.entry import Record, Restatement, Withdrawn, folder
from headrace.landing.state import Day, State
from headrace.landing.visible import counting, visible
from headrace.storage import Place, local_copy, upload, writing


@dataclass(frozen=True)
class Source:
    """A feed, where its files come from and go to, and the clock that tells the time of their landing.

    ``again`` says that files that were withdrawn land too. With ``restated`` the files take the place of all deliveries
    before them.
    """

    feed: Feed
    contract: Contract
    inbox: Place
    raw: Place
    clock: Callable[[], dt.datetime]
    again: bool = False
    restated: Restatement | None = None

    def pattern(self, day: Day) -> str:
        return self.feed.pattern.format(day=day)

    def delivered(self, day: Day) -> list[Place]:
        return sorted(p for p in self.inbox.glob(self.pattern(day)) if p.is_file())


@dataclass(frozen=True)
class LandedDay:
    """A day's record, and whether it is new. A record without files means that the feed continues without the day.

    The landing log dates a new record again, when it has it.

    ``withheld`` is the withdrawal that keeps the files in the inbox from landing again. A correction counts from its
    landing, because an earlier delivery of the day had other files.
    """

    record: Record
    is_new: bool
    withheld: Withdrawn | None
    is_correction: bool = False


def land_day(source: Source, day: Day, seen: State) -> LandedDay:
    """Copy a day's files into the raw area, unless the landing log has them already.

    Args:
        source: the feed.
        day: the day, or None for a reference feed.
        seen: the state of the landing log, which decides whether the files are new.

    Raises:
        BadInputError: a file is empty, truncated, or has other columns than the contract.
        MissingInputError: there are no files, they are late, and the feed does not continue without them.
        InputNotYetError: there are no files, and they are not yet due; or a file is still being written.
    """
    now, earlier = source.clock(), counting(seen.deliveries.get(day, ()))
    before = earlier[-1] if earlier else None
    with ExitStack() as copies:
        found = [(path, copies.enter_context(local_copy(path))) for path in source.delivered(day)]
        withdrawn = () if source.again else seen.withdrawn.get(day, ())
        withheld = next((one for one in withdrawn if found and _same_content(found, one.record)), None)
        if withheld:
            found = []
        if before is not None and (not found or _same(found, before)):
            if source.restated and not withheld and len(earlier) > 1:
                changes = {"landed_at": now, "restated": source.restated}
                return LandedDay(before.model_copy(update=changes), True, withheld)
            return LandedDay(before, False, withheld)  # landed files stay, even if the inbox has been cleared since
        if not found:
            _refuse_missing(source, day, withheld)
        written = [copy.stat() for _, copy in found]
        inspected = [(copy, _inspect(source, path, copy)) for path, copy in found]
        to = folder(source.raw, source.feed.name, day)
        files = tuple(file.model_copy(update={"stored": _store(copy, file.sha256, to)}) for copy, file in inspected)
        _refuse_rewritten(found, written)
    looked_for = str(source.inbox / source.pattern(day))
    restated = source.restated if before else None
    record = Record(feed=source.feed.name, day=day, landed_at=now, source=looked_for, files=files, restated=restated)
    return LandedDay(record, True, withheld, is_correction=visible((*earlier, record), now) != record)


def _refuse_rewritten(found: Sequence[tuple[Place, Path]], before: Sequence[os.stat_result]) -> None:
    """Raise if a file was written while it landed: what was stored then need not be what was inspected."""
    for (path, copy), was in zip(found, before, strict=True):
        now = copy.stat()
        if (now.st_size, now.st_mtime_ns) != (was.st_size, was.st_mtime_ns):
            raise InputNotYetError(f"{path} was written while it landed", "Land it once it is delivered whole")


def _refuse_missing(source: Source, day: Day, withheld: Withdrawn | None) -> None:
    """Raise unless the feed continues without the day."""
    feed, where = source.feed, source.inbox / source.pattern(day)
    looked, other = f"nothing matches {where}", ""
    if withheld:
        looked = f"those that match {where} were withdrawn by {withheld.by} ({withheld.reason})"
        other = "Deliver other files, or land these with --again"
    if day is None:
        raise MissingInputError(f"feed {feed.name} has no files: {looked}", other or "Deliver them, then land again")
    due = feed.due(day)
    due_by = f"{due:%Y-%m-%d %H:%M %Z}"
    if source.clock() < due:
        raise InputNotYetError(
            f"feed {feed.name} has no files for {day} yet: {looked}", other or f"They are due by {due_by}"
        )
    if feed.if_missing == "fail":
        raise MissingInputError(
            f"feed {feed.name} has no files for {day}: {looked}, and they were due by {due_by}",
            other or "Ask the feed's owner for the day, or choose days that the feed has",
        )


def _same(found: Sequence[tuple[Place, Path]], record: Record) -> bool:
    """Whether the inbox holds exactly the record's files, under their names."""
    return {copy.name for _, copy in found} == {file.name for file in record.files} and _same_content(found, record)


def _same_content(found: Sequence[tuple[Place, Path]], record: Record) -> bool:
    """Whether the inbox holds exactly the record's bytes. Sizes are compared first, to save reading large files."""
    sizes = sorted(copy.stat().st_size for _, copy in found)
    return sizes == sorted(file.bytes for file in record.files) and (
        sorted(digest(copy) for _, copy in found) == sorted(file.sha256 for file in record.files)
    )


def _inspect(source: Source, path: Place, copy: Path) -> Delivered:
    delivered = inspect(copy, str(path))
    check_columns(source.feed, source.contract, str(path), delivered.columns)
    return delivered


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
