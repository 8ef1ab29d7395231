"""Build tables without Spark: only the ids that a build would publish are there, with one row for each day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa
from deltalake import CommitProperties, Transaction, write_deltalake
from headrace.days import DayRange
from headrace.declare import Table
from headrace.lake import DayContents
from headrace.lake.commits import WRITER
from headrace.lake.publications import PUBLISH_ID
from headrace.stages.build_plan import plan_build
from headrace.stages.context import StageContext
from headrace.stages.made_from import made_from_now

from tests.support import known_lake
from tests.support.rush_lake import FEATURES


def build(
    context: StageContext,
    within: DayRange,
    *,
    table: str = FEATURES,
    catch_up: bool = True,
    told: bool = True,
    rows: int = 1,
) -> dict[str, list[DayRange]]:
    """Publish the ids of the stale days of a table and of what it is made from; returns the days of each commit.

    Args:
        rows: how many rows each day is said to have.
        told: whether each commit tells what its days were made from, which earlier versions of Headrace did not.
    """
    context = replace(known_lake.again(context), code_digests=context.code_digests)
    built = {}
    for each in context.use_case.in_order(table):
        plan = plan_build(context, each, within, catch_up)
        built[each.name] = [chunk.days for chunk in plan.chunks]
        for some in built[each.name]:
            publish(context, each, some, {day: plan.ids[day] for day in some}, plan.code, told=told, rows=rows)
    return built


def publish(
    context: StageContext,
    table: Table,
    days: DayRange,
    ids: Mapping[dt.date, str],
    code: str,
    *,
    told: bool = True,
    rows: int = 1,
) -> None:
    """Publish the ids of a range of days in one commit."""
    made_from = made_from_now(context, table, days) if told else None
    contents = DayContents(ids, dict.fromkeys(ids, rows), code=code, made_from=made_from)
    published = context.table(table)
    published.refresh()
    exists = published.exists()
    write_deltalake(
        str(published.path),
        pa.table({PUBLISH_ID: list(ids.values()), table.day: list(ids)}),
        partition_by=[table.day],
        mode="overwrite" if exists else "append",
        predicate=f"{table.day} >= '{days.first}' AND {table.day} <= '{days.last}'" if exists else None,
        commit_properties=CommitProperties(
            custom_metadata={"userMetadata": contents.as_metadata()},
            app_transactions=[Transaction(WRITER, published.version + 2)],
        ),
    )
