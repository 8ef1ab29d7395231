"""The publications of a table: the publish id and row counts of each day, kept in the metadata of Delta's commits.

They are read with delta-rs, so that a person at a terminal need not wait for Spark.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.frozen import FrozenModel
from headrace.storage import Place, on_s3
from headrace.storage.client import endpoint, region

if TYPE_CHECKING:
    from deltalake import DeltaTable

KEY = "headrace"  # of our part in a commit's user metadata


class Publication(FrozenModel):
    """The newest publication of one day of a table.

    ``id`` is the publish id, the digest of what the day was built from. ``rows`` and ``quarantined`` are counts.
    ``version`` is the Delta version that wrote the day, and ``at`` the instant of that commit.
    """

    id: str
    rows: int
    quarantined: int
    version: int
    at: dt.datetime


@dataclass(frozen=True)
class DayContents:
    """What a commit records about the days that it publishes.

    Args:
        ids: the publish id of each day; exactly these days are published.
        rows: published rows by day; 0 for a day that is left out.
        quarantined: quarantined rows by day; 0 for a day that is left out.
    """

    ids: Mapping[dt.date, str]
    rows: Mapping[dt.date, int]
    quarantined: Mapping[dt.date, int] = field(default_factory=dict)

    def as_metadata(self) -> str:
        """The user metadata of the commit (JSON)."""
        days = {
            str(day): [self.ids[day], self.rows.get(day, 0), self.quarantined.get(day, 0)] for day in sorted(self.ids)
        }
        return json.dumps({KEY: {"published": days}}, separators=(",", ":"))


def is_committed(path: Place) -> bool:
    """Whether the folder holds a Delta commit. A killed first write leaves files and a log without commits."""
    return any((path / "_delta_log").glob("*.json"))


def delta_table(path: Place) -> DeltaTable:
    """The table as delta-rs reads it. For S3, delta-rs takes the keys from the environment.

    Raises:
        deltalake.exceptions.TableNotFoundError: there is no table at ``path``.
    """
    from deltalake import DeltaTable

    if not on_s3(path):
        return DeltaTable(str(path))
    options = {"region": region()}
    if address := endpoint():
        options |= {"endpoint_url": address, "allow_http": str(address.startswith("http://")).lower()}
    return DeltaTable(str(path), storage_options=options)


def read_publications(path: Place) -> dict[dt.date, Publication]:
    """The newest publication of each day, by day; empty if there is no table at ``path``."""
    if not is_committed(path):
        return {}
    newest: dict[dt.date, Publication] = {}
    for commit in delta_table(path).history():  # newest first
        for day, (publish_id, rows, quarantined) in _published_days(commit).items():
            publication = Publication(
                id=publish_id,
                rows=rows,
                quarantined=quarantined,
                version=commit["version"],
                at=dt.datetime.fromtimestamp(commit["timestamp"] / 1000, dt.UTC),
            )
            newest.setdefault(dt.date.fromisoformat(day), publication)
    return dict(sorted(newest.items()))


def _published_days(commit: Mapping[str, Any]) -> dict[str, tuple[str, int, int]]:
    try:
        return json.loads(commit.get("userMetadata") or "{}")[KEY]["published"]  # type: ignore[no-any-return]
    except (ValueError, KeyError, TypeError):
        return {}  # the commit is not ours: Delta's OPTIMIZE, or a write by hand
