"""Withdraw the newest landing of some days. The landing before it stands again, or the day has none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from headrace.errors import MissingInputError, WriteConflictError
from headrace.landing.entry import Record, Withdrawn, folder
from headrace.landing.land import TRIES
from headrace.landing.log import Log
from headrace.landing.state import Day, State, histories
from headrace.storage import Place, for_each
from headrace.who import user


def withdraw(raw: Place, feed: str, days: Sequence[Day], *, reason: str, now: dt.datetime) -> State:
    """Withdraw the standing record of each of ``days`` that has one; the files stay in the raw area.

    The same files do not land by themselves again, though they may still lie in the inbox.

    Args:
        raw: the raw area.
        feed: the feed's name.
        days: the days; None stands for a reference feed's files.
        reason: why, for the log.
        now: the time that the log records.

    Returns:
        The state of the feed's landing log after it.

    Raises:
        MissingInputError: none of the days has landed, or files of a landing before are gone.
        WriteConflictError: one of the days was landed or withdrawn at the same time.
        ArtefactError: an entry of the landing log is missing, or was changed.
    """
    log = Log(raw, feed)
    found = log.read()
    seen = log.take_over(found.state)
    chosen = [seen.standing[day] for day in days if day in seen.standing]
    if not chosen:
        raise MissingInputError(f"feed {feed} has no landed files on these days", "Choose days that have landed")
    withdrawn = tuple(Withdrawn(record=record, by=user(), at=now, reason=reason) for record in chosen)
    for _ in range(TRIES):
        entries = log.entries()
        state, earlier = State().after(entries), histories(entries)
        if not all(state.same_day(seen, record.day) for record in chosen):
            break
        returned = tuple(earlier[record.day][-2] for record in chosen if len(earlier[record.day]) > 1)
        _check_files(raw, returned)
        try:
            state = log.append(state, returned, withdrawn)
        except FileExistsError:
            continue
        log.renew_index(found, state)
        return state
    raise WriteConflictError(
        f"another process changed the landings of feed {feed} on these days at the same time",
        "See what stands now, then withdraw again if it is still wrong",
    )


def _check_files(raw: Place, records: Sequence[Record]) -> None:
    """Raise unless the files of all records are still in the raw area."""
    files = [folder(raw, record.feed, record.day) / file.stored for record in records for file in record.files]
    for file, exists in zip(files, for_each(raw, lambda file: file.is_file(), files), strict=True):
        if not exists:
            raise MissingInputError(
                f"{file} of the landing before is gone", "Deliver correct files and land them instead"
            )
