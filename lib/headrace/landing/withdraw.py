"""Withdraw the newest landing of some days. The landing before it stands again, or the day has none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from headrace.errors import MissingInputError, WriteConflictError
from headrace.landing.entry import Withdrawn
from headrace.landing.files import check_files
from headrace.landing.land import TRIES
from headrace.landing.log import Log
from headrace.landing.state import Day, State
from headrace.landing.visible import counting
from headrace.storage import Place
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
    chosen = [seen.deliveries[day][-1] for day in days if day in seen.deliveries]
    if not chosen:
        raise MissingInputError(f"feed {feed} has no landed files on these days", "Choose days that have landed")
    withdrawn = tuple(Withdrawn(record=record, by=user(), at=now, reason=reason) for record in chosen)
    for _ in range(TRIES):
        state = log.read().state
        if not all(state.same_day(seen, record.day) for record in chosen):
            break
        before = [state.deliveries[record.day][:-1] for record in chosen]
        returned = tuple(deliveries[-1] for deliveries in before if deliveries)
        needed = [record for deliveries in before for record in counting(deliveries)]
        check_files(raw, needed, "Land corrected files instead")
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
