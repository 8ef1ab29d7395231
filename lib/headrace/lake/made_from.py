"""What the days of a commit were made from, shortened: enough to say later what has changed since then.

A publish id tells only that something has changed. The commit keeps this beside the ids, and nothing else does. So
planning and building cost the same, and a person who asks for a reason waits for one request for each commit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

from headrace.days import ONE, DayRange
from headrace.frozen import FrozenModel
from headrace.lake.commits import Commit, file_of, parse
from headrace.storage import Place, for_each

if TYPE_CHECKING:
    from headrace.lake.publications import Publication

DIGITS = 4  # that are kept of each publish id; two ids share them once in 65,536 cases


class SeenIds(FrozenModel):
    """The publish ids of consecutive days of a source, from ``first`` on. A reference feed has one, and no days.

    ``ids`` is one text, with a few digits of each id.
    """

    first: dt.date | None = None
    ids: str

    @classmethod
    def of(cls, ids: Mapping[dt.date | None, str], days: DayRange | None) -> Self:
        """Shorten the ids of ``days``; of a reference feed, which has no days, its one id."""
        return cls(first=days and days.first, ids="".join(shortened(ids.get(day)) for day in days or [None]))

    def on(self, day: dt.date | None) -> str:
        """The shortened id of a day; empty for a day that was not seen."""
        at = (day - self.first) // ONE if day and self.first else 0
        return self.ids[at * DIGITS : (at + 1) * DIGITS] if at >= 0 else ""


class MadeFrom(FrozenModel):
    """What some days of a table were made from.

    Attributes:
        code: a short digest of each part of the code, by the part's name.
        sources: the publish ids of each source, by its name.
    """

    code: Mapping[str, str] = {}
    sources: Mapping[str, SeenIds] = {}


def shortened(publish_id: str | None) -> str:
    """The first digits of a publish id; dashes for a day that has none."""
    return (publish_id or "")[:DIGITS].ljust(DIGITS, "-")


def made_from(table: Place, publications: Mapping[dt.date, Publication]) -> dict[dt.date, MadeFrom]:
    """What days of a table were made from. A day is left out if the log does not tell it any more, or never did."""
    versions = sorted({publication.version for publication in publications.values()})
    commits = dict(zip(versions, for_each(table, lambda version: _commit(table, version), versions), strict=True))
    told = {version: _told(commit) for version, commit in commits.items() if commit}
    found = {}
    for day, publication in publications.items():
        commit, of_commit = commits[publication.version], told.get(publication.version)
        # Another commit may have that version if the log was cut off: see ``Publication``.
        if commit and of_commit and commit.published.get(day, ("",))[0] == publication.id:
            found[day] = of_commit
    return found


def _commit(table: Place, version: int) -> Commit | None:
    with suppress(FileNotFoundError):
        return parse(version, file_of(table, version).read_bytes())
    return None


def _told(commit: Commit) -> MadeFrom | None:
    """What the commit tells; None if another version of Headrace wrote it, which does so otherwise or not at all."""
    with suppress(ValidationError):
        return MadeFrom.model_validate(commit.made_from) if commit.made_from else None
    return None
