"""What a table has published: for each day, the publish id and the rows, from the metadata of Delta's commits.

Read with delta-rs, so that a person at a terminal need not wait for Spark.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from headrace.storage import Place, on_s3
from headrace.storage.client import endpoint, region

if TYPE_CHECKING:
    from deltalake import DeltaTable

KEY = "headrace"


class Publication(BaseModel):
    """One day of a table: what it was made of (``id``), how many rows it has, and the commit that wrote it."""

    model_config = ConfigDict(frozen=True)

    id: str
    rows: int
    quarantined: int
    version: int
    at: dt.datetime


def path_of(tables: Place, name: str) -> Place:
    """``flights.legs`` lies in ``<tables>/flights/legs``."""
    return tables.joinpath(*name.split("."))


def exists(path: Place) -> bool:
    """Whether anything was committed: a first write that was killed leaves files and a log without commits."""
    return any((path / "_delta_log").glob("*.json"))


def table_at(path: Place) -> DeltaTable:
    """The table as delta-rs reads it; in S3 it finds the keys itself, in the environment.

    Raises:
        TableNotFoundError: of deltalake, where there is none.
    """
    from deltalake import DeltaTable

    if not on_s3(path):
        return DeltaTable(str(path))
    at = {"endpoint_url": endpoint(), "allow_http": str(endpoint().startswith("http://")).lower()} if endpoint() else {}
    return DeltaTable(str(path), storage_options={"region": region(), **at})


def publications(path: Place) -> dict[dt.date, Publication]:
    """The newest publication of each day; empty where there is no table."""
    if not exists(path):
        return {}
    newest: dict[dt.date, Publication] = {}
    for commit in table_at(path).history():  # newest first
        for day, (publish_id, rows, quarantined) in _published(commit).items():
            publication = Publication(
                id=publish_id,
                rows=rows,
                quarantined=quarantined,
                version=commit["version"],
                at=dt.datetime.fromtimestamp(commit["timestamp"] / 1000, dt.UTC),
            )
            newest.setdefault(dt.date.fromisoformat(day), publication)
    return dict(sorted(newest.items()))


def metadata(ids: Mapping[dt.date, str], rows: Mapping[dt.date, int], quarantined: Mapping[dt.date, int]) -> str:
    """The user metadata of a commit that publishes the days of ``ids``."""
    days = {str(day): [ids[day], rows.get(day, 0), quarantined.get(day, 0)] for day in sorted(ids)}
    return json.dumps({KEY: {"published": days}}, separators=(",", ":"))


def _published(commit: Mapping[str, Any]) -> dict[str, tuple[str, int, int]]:
    try:
        return json.loads(commit.get("userMetadata") or "{}")[KEY]["published"]  # type: ignore[no-any-return]
    except (ValueError, KeyError, TypeError):
        return {}  # a commit of somebody else's: OPTIMIZE, or a person's own
