"""What maintenance removes, kind by kind, once it is older than ``retention`` in the configuration says.

The registry tells what registered versions pin, whatever the use case declares now. Versions of a renamed model, and
of another use case on the same root, count too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from headrace import storage
from headrace.landing.superseded import superseded
from headrace.layout import Layout
from headrace.quality import docs
from headrace.registry import promotions, verdicts, versions
from headrace.registry.versions import Version
from headrace.storage import Place, S3Path


@dataclass(frozen=True)
class Kind:
    """A kind of files: its field in ``config.Retention``, its name for people, and what finds the expired ones.

    ``find`` takes the layout and an instant, and returns the files and folders that were last written before it.
    ``after`` is called once some were removed.
    """

    field: str
    name: str
    find: Callable[[Layout, dt.datetime], Iterable[Place]]
    after: Callable[[Layout], None] | None = None


def unregistered_trainings(layout: Layout, before: dt.datetime) -> Iterator[Place]:
    """Trainings that never registered a version. A training that runs now has written lately."""
    registered = {version.training_id for version in versions.registered(layout.models)}
    return _old((path for path in layout.trainings.glob("*") if path.name not in registered), before)


def refused_trainings(layout: Layout, before: dt.datetime) -> Iterator[Place]:
    """Trainings of versions that the gate refused and that were never champion. The versions themselves stay."""
    registered = versions.registered(layout.models)
    refused = [version for version in registered if _is_refused(layout.models, version)]
    pinned = {version.training_id for version in registered if version not in refused}
    ids = {version.training_id for version in refused} - pinned
    return _old((path for path in layout.trainings.glob("*") if path.name in ids), before)


def data_docs(layout: Layout, before: dt.datetime) -> Iterator[Place]:
    """The folders of days, and the folders that Great Expectations itself kept for earlier versions of Headrace."""
    return _old((path for path in layout.data_docs.glob("*/*") if path.name != layout.data_docs_page.name), before)


def partial_files(layout: Layout, before: dt.datetime) -> Iterator[Place]:
    """Hidden files: a writer on a disk renames its file once it is whole. In S3 a put is whole or nothing."""
    folders = (layout.models, layout.raw, layout.ledger, layout.reports, layout.alerts, layout.all_results)
    found = (path for folder in folders for path in storage.below_matching(folder, ".*"))
    return iter(()) if storage.on_s3(layout.root) else _old(found, before)


KINDS = (
    Kind("ledger", "rows of the ledger", lambda layout, before: _old(layout.ledger.glob("*.json"), before)),
    Kind("spark_events", "event logs of Spark", lambda layout, before: _old(layout.spark_events.glob("*"), before)),
    Kind("results", "results of jobs", lambda layout, before: _old(layout.all_results.glob("*.jsonl"), before)),
    Kind("alerts", "marks of alerts", lambda layout, before: _old(layout.alerts.glob("*"), before)),
    Kind("data_docs", "days of data docs", data_docs, lambda layout: docs.list_days(layout.data_docs_site)),
    Kind("leftovers", "partial files", partial_files),
    Kind("superseded_files", "superseded raw files", lambda layout, before: superseded(layout.raw, before)),
    Kind("leftovers", "staged rows of killed stages", lambda layout, before: _old(layout.staging.glob("*"), before)),
    Kind("leftovers", "trainings without a version", unregistered_trainings),
    Kind("refused_trainings", "trainings of refused versions", refused_trainings),
)


def _is_refused(models: Place, version: Version) -> bool:
    verdict = verdicts.latest_verdict(version)
    if verdict is None or verdict.passed:
        return False
    return version.number not in {promotion.version for promotion in promotions.promotions(models, version.model)}


def _old(paths: Iterable[Place], before: dt.datetime) -> Iterator[Place]:
    return (path for path in paths if _written(path) < before.timestamp())


def _written(path: Place) -> float:
    """When a file, or the newest file in a folder, was written, in seconds since the epoch.

    For a file that somebody moves or removes just now, and for an empty folder in S3, that is now.
    """
    now = dt.datetime.now(dt.UTC).timestamp()
    if isinstance(path, S3Path):
        files: Iterable[Place] = [path] if path.found else storage.below_matching(path)
    else:
        files = [path, *storage.below_matching(path)]
    try:
        return max((file.stat().st_mtime for file in files), default=now)
    except FileNotFoundError:
        return now
