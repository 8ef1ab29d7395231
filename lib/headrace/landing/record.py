"""The record of a landed day: which files, from where, when. It is written last, so a day without it has not landed."""

from __future__ import annotations

import datetime as dt
import hashlib

from pydantic import ValidationError

from headrace.errors import BadInputError
from headrace.frozen import FrozenModel
from headrace.landing.delivered import Delivered
from headrace.storage import Place, write

NAME = "_landed.json"


class Record(FrozenModel):
    """The files of one day of a feed; ``day`` is None for a reference feed.

    ``source`` is the pattern in the inbox that the files matched, and ``landed_at`` the instant of landing.
    """

    feed: str
    day: dt.date | None
    landed_at: dt.datetime
    source: str
    files: tuple[Delivered, ...]

    @property
    def rows(self) -> int:
        """The number of rows in all files."""
        return sum(f.rows for f in self.files)

    @property
    def publish_id(self) -> str:
        """The digest of the files' contents; it does not depend on their names, or on when they landed."""
        return hashlib.sha256("".join(sorted(f.sha256 for f in self.files)).encode()).hexdigest()[:16]


def folder(raw: Place, feed: str, day: dt.date | None) -> Place:
    """The folder of a day's landed files, or of a reference feed's."""
    return raw / feed / (str(day) if day else "reference")


def read_record(raw: Place, feed: str, day: dt.date | None) -> Record | None:
    """The day's record, or None if the day has not landed.

    Raises:
        BadInputError: the file is not a record.
    """
    path = folder(raw, feed, day) / NAME
    try:
        return Record.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValidationError:
        raise BadInputError(f"{path} is not a landing record", f"Remove {path.parent} and land the day again") from None


def write_record(raw: Place, record: Record) -> None:
    """Write the record, over an earlier one of the same day."""
    content = record.model_dump_json(indent=2) + "\n"
    write(folder(raw, record.feed, record.day) / NAME, content.encode())


def landed(raw, feed):
    found = {}
    for path in (raw / feed).glob("*/_landed.json"):
        r = Record.model_validate_json(path.read_bytes())
        found[r.day] = r
    return found
