"""One commit of a Delta table's log, as far as publications depend on it. The format is Delta's published protocol."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.storage import Place

LOG = "_delta_log"
WRITER = "headrace"  # names our part of a commit's metadata, and our transactions

_COMMIT = re.compile(r"(\d{20})\.json")


@dataclass(frozen=True)
class Commit:
    """What a commit says.

    Attributes:
        at: the instant of the commit, by its writer's clock.
        operation: Delta's name for it, such as WRITE, OPTIMIZE or RESTORE.
        published: publish id, rows and quarantined rows of each day that it published.
        code: the digest of the code that made the rows; empty if the commit does not say it.
        made_from: what these days were made from, as ``made_from.MadeFrom`` writes it; empty if it does not say it.
        token: what its writer recognises it by; empty if Headrace did not publish with it.
        generation: the number of publications of the table with this one; None if Headrace did not publish with it.
        changed: the days whose rows it changed.
        table: the table's id, where the commit sets it.
    """

    version: int
    at: dt.datetime
    operation: str
    published: Mapping[dt.date, tuple[str, int, int]]
    code: str
    made_from: Mapping[str, Any]
    token: str
    generation: int | None
    changed: frozenset[dt.date]
    table: str


def file_of(table: Place, version: int) -> Place:
    """The file of a commit."""
    return table / LOG / f"{version:020}.json"


def is_committed(table: Place) -> bool:
    """Whether the folder holds a Delta commit. A killed first write leaves files and a log without commits."""
    return any((table / LOG).glob("*.json"))


def version_of(name: str) -> int | None:
    """The version of a commit's file; None for any other file of the log."""
    match = _COMMIT.fullmatch(name)
    return int(match[1]) if match else None


def parse(version: int, content: bytes) -> Commit:
    """Read a commit's file: one JSON object, called an action, on each line."""
    actions = [json.loads(line) for line in content.splitlines() if line.strip()]
    info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    ours = _our_metadata(info)
    return Commit(
        version=version,
        at=dt.datetime.fromtimestamp(info.get("timestamp", 0) / 1000, dt.UTC),
        operation=info.get("operation", "unknown"),
        published=_published(ours),
        code=ours.get("code", ""),
        made_from=ours.get("made_from", {}),
        token=ours.get("token", ""),
        generation=next((a["txn"]["version"] for a in actions if a.get("txn", {}).get("appId") == WRITER), None),
        changed=frozenset(_changed(actions)),
        table=next((action["metaData"]["id"] for action in actions if "metaData" in action), ""),
    )


def _our_metadata(info: Mapping[str, Any]) -> dict[str, Any]:
    """Our part of the metadata. It is ours only in a write: RESTORE, for one, publishes nothing."""
    if info.get("operation") != "WRITE":
        return {}
    try:
        found = json.loads(info.get("userMetadata") or "{}")[WRITER]
    except (ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) and "published" in found else {}


def _published(ours: Mapping[str, Any]) -> dict[dt.date, tuple[str, int, int]]:
    return {dt.date.fromisoformat(day): (i, rows, bad) for day, (i, rows, bad) in ours.get("published", {}).items()}


def _changed(actions: Iterable[Mapping[str, Any]]) -> Iterable[dt.date]:
    """The days of the files that were added or removed, unless the commit only rearranged rows."""
    for action in actions:
        file = action.get("add") or action.get("remove")
        if file and file.get("dataChange", True):
            for value in (file.get("partitionValues") or {}).values():  # the day is the only partition column
                if value:
                    yield dt.date.fromisoformat(value)
