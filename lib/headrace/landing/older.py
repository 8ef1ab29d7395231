"""The records of earlier versions of Headrace: ``raw/<feed>/<day>/_landed.json``, one for each day.

They count until the feed has a landing log. The log's first entry takes them over.
"""

from __future__ import annotations

from pydantic import ValidationError

from headrace.errors import BadInputError
from headrace.landing.entry import Record
from headrace.storage import Place, below_matching, for_each

NAME = "_landed.json"


def older_records(raw: Place, feed: str) -> list[Record]:
    """The records of a feed's days.

    Raises:
        BadInputError: a file is not a record.
    """
    return for_each(raw, _read, list(below_matching(raw / feed, NAME)))


def _read(file: Place) -> Record:
    try:
        return Record.model_validate_json(file.read_text(encoding="utf-8"))
    except ValidationError:
        raise BadInputError(f"{file} is not a landing record", f"Remove {file.parent} and land the day again") from None
