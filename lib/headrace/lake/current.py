"""The publications of a table whose log no longer begins with its first commit, as its files tell them.

Each row carries the publish id of its day. So Delta's file statistics tell the ids, also in a checkpoint, which keeps
no metadata of commits.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from headrace.errors import ArtefactError
from headrace.lake.commits import LOG, WRITER
from headrace.lake.publications import PUBLISH_ID, Publication, TableState
from headrace.storage import Place, on_s3
from headrace.storage.client import endpoint, region

if TYPE_CHECKING:
    from deltalake import DeltaTable

_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.")


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


def state(path: Place, log: Iterable[str]) -> TableState:
    """The state at the oldest checkpoint among ``log``, the names of the log's files.

    Raises:
        ArtefactError: there is no checkpoint, so Delta cannot read the table either.
    """
    versions = [int(found[1]) for name in log if (found := _CHECKPOINT.match(name))]
    if not versions:
        raise ArtefactError(f"{path / LOG} has neither its first commit nor a checkpoint", "Restore it from a backup")
    version = min(versions)
    table = delta_table(path)
    table.load_as_version(version)
    return TableState(
        table=str(table.metadata().id),
        version=version,
        generation=table.transaction_version(WRITER) or 0,
        publications=_publications(table, version),
    )


def _publications(table: DeltaTable, version: int) -> dict[dt.date, Publication]:
    """The days whose files all have one and the same publish id."""
    import pyarrow as pa

    [day] = table.metadata().partition_columns
    by_day: dict[dt.date, list[dict[str, Any]]] = {}
    for file in pa.table(table.get_add_actions(flatten=True)).to_pylist():
        by_day.setdefault(file[f"partition.{day}"], []).append(file)
    found = {}
    for on, files in by_day.items():
        ids = {file.get(f"{end}.{PUBLISH_ID}") for file in files for end in ("min", "max")}
        if len(ids) == 1 and on is not None and (publish_id := ids.pop()):
            at = dt.datetime.fromtimestamp(max(file["modification_time"] for file in files) / 1000, dt.UTC)
            rows = sum(file["num_records"] for file in files)
            found[on] = Publication(id=publish_id, rows=rows, quarantined=0, version=version, at=at)
    return dict(sorted(found.items()))
