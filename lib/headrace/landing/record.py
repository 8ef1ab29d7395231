"""Which files count for each day of a feed: the records that stand in its landing log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from headrace.landing.entry import Record, folder
from headrace.landing.log import Log
from headrace.storage import Place

__all__ = ["Record", "folder", "landed", "read_record"]


def landed(raw: Place, feed: str) -> Mapping[dt.date | None, Record]:
    """The standing record of each landed day; a reference feed has one, under None.

    It takes three requests, and one for each landing that the log's index does not hold yet.

    Raises:
        ArtefactError: an entry of the log is missing, or was changed.
        BadInputError: a record that an earlier version of Headrace wrote is damaged.
    """
    return Log(raw, feed).read().state.standing


def read_record(raw: Place, feed: str, day: dt.date | None) -> Record | None:
    """The day's record, or None if the day has not landed; see ``landed`` for the errors."""
    return landed(raw, feed).get(day)
