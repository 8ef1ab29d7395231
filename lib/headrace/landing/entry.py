"""What a landing log holds: the record of a landed day, and entries that add records or withdraw them."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid

from pydantic import Field

from headrace.frozen import FrozenModel
from headrace.landing.delivered import Delivered
from headrace.storage import Place


class Restatement(FrozenModel):
    """Who said that all deliveries of a day before this one were wrong, and why."""

    by: str
    reason: str


class Record(FrozenModel):
    """One delivery of a day of a feed; ``day`` is None for a reference feed.

    ``source`` is the pattern in the inbox that the files matched, and ``landed_at`` the instant of landing. A delivery
    with a restatement takes the place of all before it.
    """

    feed: str
    day: dt.date | None
    landed_at: dt.datetime
    source: str
    files: tuple[Delivered, ...]
    restated: Restatement | None = None

    @property
    def rows(self) -> int | None:
        """The number of rows in all files; None if one landed by reference, so that nobody has counted its rows."""
        counts = [file.rows for file in self.files if file.rows is not None]
        return sum(counts) if len(counts) == len(self.files) else None

    @property
    def publish_id(self) -> str:
        """The digest of what the files say; it does not depend on their names, or on when they landed."""
        return hashlib.sha256("".join(sorted(f.meaning for f in self.files)).encode()).hexdigest()[:16]


class Withdrawn(FrozenModel):
    """A record that was withdrawn: by whom, when and why. The same content does not land by itself again."""

    record: Record
    by: str
    at: dt.datetime
    reason: str


class Entry(FrozenModel):
    """One change of a landing log.

    Attributes:
        number: 1 for the first entry; the next entry has the next number.
        token: random, so that no two writers write the same bytes. An index names its newest entry by it.
        landed: the records that stand from this entry on.
        withdrawn: the records that stand no more. A day's record before it, if any, is among ``landed``.
    """

    number: int = Field(ge=1)
    token: str = Field(default_factory=lambda: uuid.uuid4().hex)
    landed: tuple[Record, ...] = ()
    withdrawn: tuple[Withdrawn, ...] = ()


def folder(raw: Place, feed: str, day: dt.date | None) -> Place:
    """The folder of a day's landed files, or of a reference feed's."""
    return raw / feed / (str(day) if day else "reference")
