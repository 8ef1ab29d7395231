"""When runs start, the day that a run works on, and how its tasks are tried again."""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.sdk import (
    AssetAll,
    CronPartitionTimetable,
    Param,
    PartitionedAssetTimetable,
    RollupMapper,
    StartOfWeekMapper,
    WeekWindow,
)

from headrace.orchestration.alerts import Alert, Channel
from headrace.orchestration.assets import asset

HOURS = dt.timedelta(hours=6)
KEY_FORMAT = "%Y-%m-%d"
# The days that a person gave when triggering the run. Without them, the run's partition. Without a partition, the day
# before the run in the time zone of the DAG's start date.
DAY = "{{ params.get('days') or partition_key or macros.ds_add(dag_run.run_after.astimezone(dag.timezone) | ds, -1) }}"
# The last of the days that a person gave. Without them, the Monday after the run's week, whose Monday is its partition.
# Without a partition, the day of the run.
WEEK_END = (
    "{{ (params.get('days') or '').split('..')[-1] or (macros.ds_add(partition_key, 7) if partition_key"
    " else dag_run.run_after.astimezone(dag.timezone) | ds) }}"
)
ONE_DAY = r"\d{4}-\d{2}-\d{2}"
END = r"$(?!\n)"  # Python's $ also matches before a final newline; browsers read this pattern too


def daily(hour: int = 6, minute: int = 0, *, zone: str = "UTC") -> CronPartitionTimetable:
    """A run each day at a local time, for the day before, which is its partition."""
    return CronPartitionTimetable(f"{minute} {hour} * * *", timezone=zone, run_offset=-1, key_format=KEY_FORMAT)


def weekly(*tables: str, zone: str = "UTC") -> PartitionedAssetTimetable:
    """A run for each week, once all seven days of the tables are published. Its partition is the week's Monday."""
    monday = StartOfWeekMapper(timezone=zone, input_format=KEY_FORMAT, output_format=KEY_FORMAT)
    week = RollupMapper(upstream_mapper=monday, window=WeekWindow())
    return PartitionedAssetTimetable(
        assets=AssetAll(*[asset(table) for table in tables]), default_partition_mapper=week
    )


def policy(owner: str, *, alert: Channel = "page", retries: int = 4, at_most: dt.timedelta = HOURS) -> dict[str, Any]:
    """Default arguments of a DAG: retryable failures are tried again with growing waits; the rest are notified.

    Args:
        alert: ``page`` wakes somebody up, ``mail`` is read in the morning; ``alerts`` in the configuration says how.
        retries: with the waits below, 4 retries give a feed or a cluster 15 to 30 minutes.
        at_most: the time after which a try is ended.
    """
    return {
        "owner": owner,
        "retries": retries,
        "retry_delay": dt.timedelta(minutes=1),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": dt.timedelta(minutes=30),
        "execution_timeout": at_most,
        "on_failure_callback": [Alert(channel=alert)],
    }


def days_param(*, required: bool = False) -> Param:
    """A field for a run that a person triggers: a day, or a closed range of days; empty means the run's day."""
    kind, empty = ("string", "") if required else (["null", "string"], "; empty: the day of the run")
    return Param(None, type=kind, pattern=f"^{ONE_DAY}(\\.\\.{ONE_DAY})?{END}", maxLength=22, title="Days",
                 description=f"2026-01-31, or 2026-01-01..2026-01-07{empty}")  # fmt: skip


def version_param() -> Param:
    """A field for the version of a model: a number, or champion."""
    return Param("champion", type="string", pattern=f"^(champion|[1-9][0-9]{{0,5}}){END}", maxLength=8,
                 title="Model version", description="a number, or champion")  # fmt: skip
