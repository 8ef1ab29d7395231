"""The record of a landed day: which files, from where, when. It is written last: no record, not landed."""

from __future__ import annotations

import datetime as dt
import hashlib

from pydantic import BaseModel, ConfigDict, ValidationError

from headrace.errors import BadInputError
from headrace.landing.delivered import Delivered
from headrace.storage import Place, write

NAME = "_landed.json"


class Record(BaseModel):
    """``day`` is None for a reference feed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feed: str
    day: dt.date | None
    landed_at: dt.datetime
    source: str
    files: tuple[Delivered, ...]

    @property
    def rows(self) -> int:
        return sum(f.rows for f in self.files)

    @property
    def publish_id(self) -> str:
        """What was landed, whenever and from wherever it came."""
        return hashlib.sha256("".join(sorted(f.sha256 for f in self.files)).encode()).hexdigest()[:16]


def folder(raw: Place, feed: str, day: dt.date | None) -> Place:
    return raw / feed / (str(day) if day else "reference")


def read_record(raw: Place, feed: str, day: dt.date | None) -> Record | None:
    path = folder(raw, feed, day) / NAME
    try:
        return Record.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValidationError:
        raise BadInputError(f"{path} is not a landing record", f"Remove {path.parent} and land the day again") from None


def write_record(raw: Place, record: Record) -> None:
    content = record.model_dump_json(indent=2) + "\n"
    write(folder(raw, record.feed, record.day) / NAME, content.encode())
