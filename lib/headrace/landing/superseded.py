"""Landed files that no standing record names any more, because a correction has replaced them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from headrace.landing.record import Record, read_record
from headrace.storage import Place, below

REFERENCE = "reference"


def superseded(raw: Place, before: dt.datetime) -> Iterator[Place]:
    """The files of all feeds that were replaced before an instant.

    A file counts as replaced when the record that stands now landed, or when it was written, whichever is later. All
    files of a day without a standing record stay.

    Raises:
        BadInputError: a record is damaged.
    """
    for folder in raw.glob("*/*"):
        if (record := _record(raw, folder)) is None or record.landed_at >= before:
            continue
        standing = {file.stored for file in record.files}
        for file in folder.glob("*"):
            is_landed = not file.name.startswith(("_", "."))  # the others are records and partial files
            if is_landed and file.name not in standing and file.stat().st_mtime < before.timestamp():
                yield file


def _record(raw: Place, folder: Place) -> Record | None:
    """The standing record of ``raw/<feed>/<day>``; None if the folder is none of a day, or the day has not landed."""
    feed, _, day = below(raw, folder).partition("/")
    try:
        return read_record(raw, feed, None if day == REFERENCE else dt.date.fromisoformat(day))
    except ValueError:  # no day
        return None
