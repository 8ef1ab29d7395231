"""Compare two lakes of one use case: the same rows, publications and quarantine, and nothing stale."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from typing import Any

from headrace.declare import Model, Table
from headrace.lake.publications import PUBLISH_ID
from headrace.lake.table import Lake, LakeTable
from headrace.landing.record import landed
from headrace.quality.quarantine import quarantine_of
from headrace.stages.build_plan import stale_days
from headrace.stages.context import StageContext

from tests.support import lakes

TOLERANCE = 1e-9  # relative, of floats


def assert_same(context: StageContext, clean: StageContext) -> None:
    """Assert that the lake holds what the other lake holds, which was built once and without a fault.

    It reads what is stored, and not what a context found earlier.
    """
    for feed in context.use_case.feeds:
        assert _landed(context, feed) == _landed(clean, feed), feed
    for table in context.use_case.tables.values():
        assert_whole(context, table)
        found, wanted = _opened(context, table), _opened(clean, table)
        assert _counts(found) == _counts(wanted), table.name
        assert_same_rows(_rows(context, table), _rows(clean, table), table.name)
        assert _quarantined(context, table) == _quarantined(clean, table), table.name
    for model in context.use_case.models.values():
        scores, wanted_scores = (_scores(lake, model) for lake in (context, clean))
        assert_same_rows(scores, wanted_scores, model.scores)


def assert_whole(context: StageContext, table: Table) -> None:
    """Assert that no day of a table is stale or without a publication, and that its counts are the counts of rows."""
    assert stale_days(lakes.again(context), table) == [], table.name
    found = _opened(context, table)
    assert dict(found.changes) == {}, table.name
    rows = Counter((row[table.day], row[PUBLISH_ID]) for row in lakes.stored(context, table.name, table.key))
    published = {(day, p.id): p.rows for day, p in found.publications.items()}
    assert rows == {key: count for key, count in published.items() if count}, table.name
    bad = Counter(day for day, *_ in _quarantined(context, table))
    assert bad == {day: p.quarantined for day, p in found.publications.items() if p.quarantined}, table.name


def assert_same_rows(found: list[lakes.Row], wanted: list[lakes.Row], name: str) -> None:
    """Assert that two lists of rows are equal in their order, floats within ``TOLERANCE``."""
    assert len(found) == len(wanted), name
    for row, other in zip(found, wanted, strict=True):
        assert row.keys() == other.keys(), name
        different = {column: (row[column], other[column]) for column in row if not _equal(row[column], other[column])}
        assert different == {}, f"{name}: {row}"


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE) or (math.isnan(one) and math.isnan(other))
    return bool(one == other)


def _opened(context: StageContext, table: Table) -> LakeTable:
    return Lake(context.layout.tables).table(table.name, day=table.day)


def _rows(context: StageContext, table: Table) -> list[lakes.Row]:
    return lakes.rows_of(context, table.name, key=table.key)


def _scores(context: StageContext, model: Model) -> list[lakes.Row]:
    """The scores of a model; none before it has scored."""
    if not Lake(context.layout.tables).table(model.scores).exists():
        return []
    return lakes.rows_of(context, model.scores, key=model.table.key)


def _counts(table: LakeTable) -> dict[dt.date, tuple[str, int, int]]:
    return {day: (p.id, p.rows, p.quarantined) for day, p in table.publications.items()}


def _quarantined(context: StageContext, table: Table) -> list[tuple[dt.date, str, str, str]]:
    """The quarantined rows of the publications that stand."""
    if not Lake(context.layout.tables).table(quarantine_of(table.name)).exists():
        return []
    found = lakes.quarantined(context, table.name)
    return sorted((row["day"], row["source"], row["reasons"], row["row"]) for row in found)


def _landed(context: StageContext, feed: str) -> dict[dt.date | None, str]:
    return {day: record.publish_id for day, record in landed(context.layout.raw, feed).items()}
