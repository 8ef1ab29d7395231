"""Landed files that no standing record names any more, because a correction has replaced them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from headrace.landing.log import Log
from headrace.landing.record import Record, folder
from headrace.storage import Place


def superseded(raw: Place, before: dt.datetime) -> Iterator[Place]:
    """The files of all feeds that were replaced before an instant.

    A file was replaced when the standing record landed, or a record of the day was withdrawn. If the file was written
    later, that instant counts. All files of a day without a standing record stay.

    Raises:
        ArtefactError: an entry of a landing log is missing, or was changed.
    """
    for feed in raw.glob("*"):
        state = Log(raw, feed.name).read().state
        for day, record in state.standing.items():
            changed = [record.landed_at, *(withdrawn.at for withdrawn in state.withdrawn.get(day, ()))]
            if max(changed) < before:
                yield from _replaced(raw, record, before)


def _replaced(raw: Place, record: Record, before: dt.datetime) -> Iterator[Place]:
    standing = {file.stored for file in record.files}
    for file in folder(raw, record.feed, record.day).glob("*"):
        is_landed = not file.name.startswith(("_", "."))  # the others are old records and partial files
        if is_landed and file.name not in standing and file.stat().st_mtime < before.timestamp():
            yield file
