"""Land the files of one day: inspect them, and copy them into the raw area. The landing log then records them."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NoReturn

from headrace.declare import Contract, Feed
from headrace.declare.formats import Csv
from headrace.errors import BadInputError, InputNotYetError, MissingInputError
from headrace.landing import by_reference
from headrace.landing.cells import as_utf8
from headrace.landing.contract import check_columns
from headrace.landing.delivered import Delivered, contents, inspect, stored_name
from headrace.landing.entry import Record, Restatement, Withdrawn, folder
from headrace.landing.incoming import Incoming, is_of, same_files
from headrace.landing.state import Day, State
from headrace.landing.visible import counting, visible
from headrace.storage import Place, Version, upload, writing

HIDDEN = (".", "_")  # begin the names of files that are not data


@dataclass(frozen=True)
class Source:
    """A feed, where its files come from and go to, and the clock that tells the time of their landing.

    ``again`` says that files that were withdrawn land too, and ``replace`` that fewer files than before do. With
    ``restated`` the files take the place of all deliveries before them.
    """

    feed: Feed
    contract: Contract
    inbox: Place
    raw: Place
    clock: Callable[[], dt.datetime]
    again: bool = False
    replace: bool = False
    restated: Restatement | None = None

    def pattern(self, day: Day) -> str:
        return self.feed.pattern.format(day=day)

    def delivered(self, day: Day) -> list[Place]:
        """The day's files in the inbox. Hidden ones and markers such as ``_SUCCESS`` count if the pattern says so."""
        pattern = self.pattern(day)
        wants_hidden = pattern.rpartition("/")[2].startswith(HIDDEN)
        found = (path for path in self.inbox.glob(pattern) if wants_hidden or not path.name.startswith(HIDDEN))
        return sorted(path for path in found if path.is_file())

    def reads_as(self, record: Record) -> bool:
        """Whether the record's files were read in the feed's present dialect."""
        return all(file.dialect == self.feed.format.name for file in record.files)


@dataclass(frozen=True)
class LandedDay:
    """A day's record, and whether it is new. A record without files means that the feed continues without the day.

    The landing log dates a new record again, when it has it.

    ``withheld`` is the withdrawal that keeps the files in the inbox from landing again. A correction counts from its
    landing, because an earlier delivery of the day had other files. ``is_partly_there`` says that the inbox has fewer
    files than landed, which stay.
    """

    record: Record
    is_new: bool
    withheld: Withdrawn | None
    is_correction: bool = False
    is_partly_there: bool = False


def land_day(source: Source, day: Day, seen: State) -> LandedDay:
    """Copy a day's files into the raw area, unless the landing log has them already.

    Args:
        source: the feed.
        day: the day, or None for a reference feed.
        seen: the state of the landing log, which decides whether the files are new.

    Raises:
        BadInputError: a file is empty, truncated, or has other columns than the contract. Or there are fewer files than
            landed before, and other ones.
        MissingInputError: there are no files, they are late, and the feed does not continue without them.
        InputNotYetError: there are no files, and they are not yet due; or a file is still being written.
    """
    now, earlier = source.clock(), counting(seen.deliveries.get(day, ()))
    before = earlier[-1] if earlier else None
    with ExitStack() as copies:
        found = _incoming(source, day, seen, copies)
        withdrawn = () if source.again else seen.withdrawn.get(day, ())
        withheld = next((one for one in withdrawn if found and is_of(found, one.record)), None)
        if withheld:
            found = []
        if before is not None and (not found or (same_files(found, before) and source.reads_as(before))):
            if source.restated and not withheld and len(earlier) > 1:
                changes = {"landed_at": now, "restated": source.restated}
                return LandedDay(before.model_copy(update=changes), True, withheld)
            return LandedDay(before, False, withheld)  # landed files stay, even if the inbox has been cleared since
        if not found:
            _refuse_missing(source, day, withheld)
        if before is not None and not (source.replace or source.restated) and len(found) < len(before.files):
            if is_of(found, before) and source.reads_as(before):
                return LandedDay(before, False, withheld, is_partly_there=True)
            _refuse_fewer(source, day, found, before)
        files = _land_files(source, found, folder(source.raw, source.feed.name, day))
    looked_for = str(source.inbox / source.pattern(day))
    restated = source.restated if before else None
    record = Record(feed=source.feed.name, day=day, landed_at=now, source=looked_for, files=files, restated=restated)
    return LandedDay(record, True, withheld, is_correction=visible((*earlier, record), now) != record)


def _refuse_fewer(source: Source, day: Day, found: Sequence[Incoming], before: Record) -> NoReturn:
    where = source.inbox / source.pattern(day)
    raise BadInputError(
        f"{where} matches {len(found)} files, and {len(before.files)} landed before, which were others",
        f"Deliver all files, or land these with `headrace land --feed {source.feed.name} --replace`",
    )


def _incoming(source: Source, day: Day, seen: State, copies: ExitStack) -> list[Incoming]:
    """The day's files in the inbox. Files that landed before tell the content of those that were not written since."""
    records = [*seen.deliveries.get(day, ()), *(one.record for one in seen.withdrawn.get(day, ()))]
    known = [file for record in records for file in record.files]
    return [Incoming(path, known, copies) for path in source.delivered(day)]


def _land_files(source: Source, found: Sequence[Incoming], to: Place) -> tuple[Delivered, ...]:
    """Inspect the files, and then store them: none is stored if one is refused."""
    inspected = [(one, *_inspect(source, one)) for one in found]
    stored = [
        by_reference.store(version, file, to) if version else _store(one, file, source.feed.format, to)
        for one, file, version in inspected
    ]
    for one in found:
        one.refuse_rewritten()
    return tuple(file.model_copy(update={"stored": name}) for (_, file, _), name in zip(inspected, stored, strict=True))


def _inspect(source: Source, one: Incoming) -> tuple[Delivered, Version | None]:
    """What the file is, and the version of it to copy if it lands by reference."""
    dialect, may_be_empty = source.feed.format, source.feed.empty == "allow"
    if referred := by_reference.inspected(one.place, source.raw, dialect):
        version, file = referred
    else:
        stamp = one.stamp.mark if one.stamp.lasts else ""
        found = inspect(one.copy, dialect, str(one.place), may_be_empty=may_be_empty)
        version, file = None, found.model_copy(update={"stamp": stamp})
    if file.rows != 0:
        check_columns(source.feed, source.contract, str(one.place), file.columns)
    return file, version


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


def _store(one: Incoming, file: Delivered, dialect: Csv, folder: Place) -> str:
    """Copy a file under a name that contains its digest, so that a corrected file never overwrites an earlier one.

    Spark reads neither zip nor all encodings. Such a file is stored as UTF-8 in gzip.
    """
    path = one.copy
    if path.suffix != ".zip" and dialect.is_utf8:
        name = stored_name(file.sha256, path.name)
        upload(path, folder / name)
        return name
    stem = path.stem if path.suffix in (".zip", ".gz") else path.name
    name = stored_name(file.sha256, f"{stem}.{dialect.encoding}.gz" if not dialect.is_utf8 else f"{stem}.gz")
    with (
        writing(folder / name) as packed,
        packed.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as out,
    ):
        out.writelines(as_utf8(contents(path), dialect.encoding, str(one.place)))
    return name
