"""Landed files that no delivery needs any more, because it was withdrawn or restated, or a landing was not completed.

A correction needs the files before it: they count for every table whose cut-off is before the correction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from headrace.landing.log import Log
from headrace.landing.record import folder
from headrace.landing.state import Deliveries
from headrace.landing.visible import counting
from headrace.storage import Place


def superseded(raw: Place, before: dt.datetime) -> Iterator[Place]:
    """The files of all feeds that no delivery has needed since before an instant.

    A file was last needed when the standing record landed, or a record of the day was withdrawn. If the file was
    written later, that instant counts. All files of a day without a standing record stay.

    Raises:
        ArtefactError: an entry of a landing log is missing, or was changed.
    """
    for feed in raw.glob("*"):
        state = Log(raw, feed.name).read().state
        for day, deliveries in state.deliveries.items():
            changed = [deliveries[-1].landed_at, *(withdrawn.at for withdrawn in state.withdrawn.get(day, ()))]
            if max(changed) < before:
                yield from _replaced(folder(raw, feed.name, day), counting(deliveries), before)


def _replaced(landed: Place, needed: Deliveries, before: dt.datetime) -> Iterator[Place]:
    names = {file.stored for record in needed for file in record.files}
    for file in landed.glob("*"):
        is_landed = not file.name.startswith(("_", "."))  # the others are old records and partial files
        if is_landed and file.name not in names and file.stat().st_mtime < before.timestamp():
            yield file
