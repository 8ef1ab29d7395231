"""Land a range of days of a feed: each day's files once, and an entry of the landing log that records them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

from headrace.days import DayRange
from headrace.declare import Contract, Feed
from headrace.errors import PERMANENT, HeadraceError, InputNotYetError, PermanentError, WriteConflictError
from headrace.frozen import FrozenModel
from headrace.landing.day import LandedDay, Source, land_day
from headrace.landing.entry import Record, Restatement
from headrace.landing.log import Log
from headrace.landing.state import Day, State
from headrace.storage import Place

CHUNK = 100  # days that one entry records; a crash loses the landings of at most one entry
TRIES = 20
THREADS = 8
AT_ONCE = threading.BoundedSemaphore(THREADS)  # days of all feeds together, because each may have files on the disk
DAY_ERRORS = (PermanentError, InputNotYetError, OSError)  # they concern one day; other days land


def utc_now() -> dt.datetime:
    """The present instant."""
    return dt.datetime.now(dt.UTC)


class Landing(FrozenModel):
    """The result of landing a range of days of a feed.

    Attributes:
        days, files: what has landed for the range, now or earlier.
        rows: of these files, without those that landed by reference: a build counts their rows.
        landed: the number of days whose files are new or corrected.
        corrections: those of them that had landed before, each with the instant from which the new files count.
        missing: the days that the feed continues without.
        withheld: the days whose delivered files were withdrawn before, each with who withdrew them and why.
        partly_there: the days that have fewer files in the inbox than landed. The landed files stay.
    """

    feed: str
    days: int
    files: int
    rows: int
    landed: int
    corrections: dict[str, dt.datetime] = {}
    missing: list[dt.date] = []
    withheld: dict[str, str] = {}
    partly_there: list[str] = []


def land(
    feed: Feed,
    contract: Contract,
    days: DayRange,
    inbox: Place,
    raw: Place,
    *,
    clock: Callable[[], dt.datetime] = utc_now,
    again: bool = False,
    replace: bool = False,
    restated: Restatement | None = None,
) -> Landing:
    """Land each of ``days`` of a feed, or the one set of files of a reference feed. Unchanged files do nothing.

    A day that fails does not keep the others from landing. Files that were withdrawn land only with ``again``, and
    fewer files than landed before only with ``replace``. Other files of a day that has landed are a correction, unless
    ``restated`` says that all deliveries before were wrong. A day has landed when the landing log has it: a build
    before then could not see it.

    Raises:
        BadInputError: a file is empty, truncated, or has other columns than the contract.
        MissingInputError: a day has no files, it is late, and the feed does not continue without it.
        InputNotYetError: a day has no files and is not yet due.
        WriteConflictError: other processes landed the same days all the time.
        ArtefactError: an entry of the landing log is missing, or was changed.
    """
    wanted: list[Day] = [d for d in days if not feed.since or d >= feed.since] if feed.daily else [None]
    source, log = Source(feed, contract, inbox, raw, clock, again, replace, restated), Log(raw, feed.name)
    found = log.read()
    state, outcomes = log.take_over(found.state), dict[Day, LandedDay | Exception]()
    for start in range(0, len(wanted), CHUNK):
        state, more = _land_days(source, log, state, wanted[start : start + CHUNK])
        outcomes |= more
    log.renew_index(found, state)
    failed = {day: outcome for day, outcome in outcomes.items() if isinstance(outcome, Exception)}
    if failed:
        raise _failure(feed, failed)
    return _landing(feed, {day: outcome for day, outcome in outcomes.items() if isinstance(outcome, LandedDay)})


def _land_days(
    source: Source, log: Log, state: State, days: Sequence[Day]
) -> tuple[State, dict[Day, LandedDay | Exception]]:
    """Land some days and record them. Days that another process changed meanwhile are landed again.

    Returns:
        The log's state, and what became of each day.
    """
    outcomes: dict[Day, LandedDay | Exception] = {}
    for _ in range(TRIES):
        with ThreadPoolExecutor(THREADS) as pool:
            tried = dict(zip(days, pool.map(_try, repeat(source), days, repeat(state)), strict=True))
        outcomes |= tried
        new = {day: done for day, done in tried.items() if isinstance(done, LandedDay) and done.is_new}
        state, days = _record(log, state, [done.record for done in new.values()], source.clock)
        recorded = new.keys() - set(days)
        outcomes |= {day: dataclasses.replace(new[day], record=state.deliveries[day][-1]) for day in recorded}
        if not days:
            return state, outcomes
    raise _conflict(log)


def _try(source: Source, day: Day, seen: State) -> LandedDay | Exception:
    try:
        with AT_ONCE:
            return land_day(source, day, seen)
    except DAY_ERRORS as failure:
        return failure


def _record(log: Log, seen: State, new: Sequence[Record], clock: Callable[[], dt.datetime]) -> tuple[State, list[Day]]:
    """Record landings that are based on the state ``seen``, as one entry.

    Returns:
        The log's state, and the days that were not recorded because they have changed since ``seen``.
    """
    state = seen
    for _ in range(TRIES):
        mine = tuple(record for record in new if state.same_day(seen, record.day))
        overtaken = [record.day for record in new if record not in mine]
        if not mine:
            return state, overtaken
        try:
            return log.append(state, tuple(_dated(record, state, clock()) for record in mine)), overtaken
        except FileExistsError:
            state = log.read().state
    raise _conflict(log)


def _dated(record: Record, state: State, now: dt.datetime) -> Record:
    """The record with the time of its landing. A clock that was set back does not put it before earlier deliveries."""
    earlier = [before.landed_at for before in state.deliveries.get(record.day, ())]
    return record.model_copy(update={"landed_at": max([now, *earlier])})


def _conflict(log: Log) -> WriteConflictError:
    return WriteConflictError(f"other processes landed feed {log.feed} at the same time", "Land again")


def _failure(feed: Feed, failed: Mapping[Day, Exception]) -> Exception:
    """The failure of the first day, or of the first for which a retry does not help."""
    worst = min(failed.values(), key=lambda failure: getattr(failure, "exit_code", PERMANENT))
    if len(failed) == 1 or not isinstance(worst, HeadraceError):
        return worst
    days = ", ".join(map(str, list(failed)[:5])) + (", ..." if len(failed) > 5 else "")
    return type(worst)(f"{worst.what}. {len(failed)} days of feed {feed.name} failed: {days}", worst.hint)


def _landing(feed: Feed, done: Mapping[Day, LandedDay]) -> Landing:
    records = [landed.record for landed in done.values()]
    withheld = {_named(day): landed.withheld for day, landed in done.items() if landed.withheld}
    corrections = {_named(day): landed.record.landed_at for day, landed in done.items() if landed.is_correction}
    return Landing(
        feed=feed.name,
        days=len(done),
        files=sum(len(record.files) for record in records),
        rows=sum(file.rows or 0 for record in records for file in record.files),
        landed=sum(landed.is_new for landed in done.values()),
        corrections=corrections,
        missing=[record.day for record in records if record.day and not record.files],
        partly_there=[_named(day) for day, landed in done.items() if landed.is_partly_there],
        withheld={day: f"withdrawn by {one.by}: {one.reason}" for day, one in withheld.items()},
    )


def _named(day: Day) -> str:
    return str(day or "reference")
