"""The publications of a table: the publish id and row counts of each day."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headrace.frozen import FrozenModel
from headrace.lake.commits import WRITER, Commit
from headrace.lake.made_from import MadeFrom

PUBLISH_ID = "_publish_id"  # the column of every table with the publish id of the row's day


class Publication(FrozenModel):
    """The newest publication of one day of a table.

    ``id`` is the publish id, the digest of what the day was built from. ``rows`` and ``quarantined`` are counts.
    ``version`` is the Delta version that wrote the day, and ``at`` the instant of that commit. ``code`` is the digest
    of the code that made the rows; empty if the commit does not say it.

    If Delta's log no longer has that commit, and the index was lost, the day's files still say the id and the rows.
    ``quarantined`` is then 0, ``version`` is the oldest one in the log, and ``at`` is the time of the newest file.
    """

    id: str
    rows: int
    quarantined: int
    version: int
    at: dt.datetime
    code: str = ""


class Change(FrozenModel):
    """A commit that changed rows of a day, and that Headrace did not make. The day then has no publication.

    ``operation`` is Delta's name for what the commit did, such as DELETE or RESTORE.
    """

    operation: str
    version: int
    at: dt.datetime

    def __str__(self) -> str:
        return f"{self.operation} of version {self.version} on {self.at:%Y-%m-%d %H:%M} UTC changed its rows"


@dataclass(frozen=True)
class DayContents:
    """What a commit records about the days that it publishes.

    Args:
        ids: the publish id of each day; exactly these days are published.
        rows: published rows by day; 0 for a day that is left out.
        quarantined: quarantined rows by day; 0 for a day that is left out.
        code: the digest of the code that made the rows.
        made_from: what the days were made from, which tells later why they are stale.
    """

    ids: Mapping[dt.date, str]
    rows: Mapping[dt.date, int]
    quarantined: Mapping[dt.date, int] = field(default_factory=dict)
    code: str = ""
    made_from: MadeFrom | None = None

    def as_metadata(self, token: str = "") -> str:
        """The user metadata of the commit (JSON). Its writer recognises it by ``token``."""
        days = {
            str(day): [self.ids[day], self.rows.get(day, 0), self.quarantined.get(day, 0)] for day in sorted(self.ids)
        }
        ours = {"token": token, "code": self.code, "published": days}
        if self.made_from:
            ours["made_from"] = self.made_from.model_dump(mode="json")
        return json.dumps({WRITER: ours}, separators=(",", ":"))


class TableState(FrozenModel):
    """The publications of a table at one of its Delta versions.

    Attributes:
        table: the table's id in Delta.
        version: the newest commit that is part of this state; -1 before the first.
        commit: the digest of that commit's file.
        generation: how many publications the table has had. It also counts those whose days were replaced.
        publications: the newest publication of each day, by day. Days that somebody else changed since have none.
        changes: those days, each with the newest commit that changed it.
    """

    table: str = ""
    version: int = -1
    commit: str = ""
    generation: int = 0
    publications: dict[dt.date, Publication] = {}
    changes: dict[dt.date, Change] = {}

    def after(self, commits: Sequence[Commit], digest: str) -> TableState:
        """The state after some more commits; ``digest`` is the digest of the newest one's file."""
        publications, changes = dict(self.publications), dict(self.changes)
        table, generation = self.table, self.generation
        for commit in commits:
            for day in commit.changed - commit.published.keys():
                publications.pop(day, None)
                changes[day] = Change(operation=commit.operation, version=commit.version, at=commit.at)
            for day, (publish_id, rows, quarantined) in commit.published.items():
                changes.pop(day, None)
                publications[day] = Publication(
                    id=publish_id,
                    rows=rows,
                    quarantined=quarantined,
                    version=commit.version,
                    at=commit.at,
                    code=commit.code,
                )
            table = commit.table or table
            generation = generation if commit.generation is None else commit.generation
        return TableState(
            table=table,
            version=commits[-1].version if commits else self.version,
            commit=digest if commits else self.commit,
            generation=generation,
            publications=dict(sorted(publications.items())),
            changes=dict(sorted(changes.items())),
        )
