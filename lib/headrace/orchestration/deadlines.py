"""Deadlines of runs, and who is notified when a run misses its deadline."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from headrace.orchestration import project
from headrace.orchestration.alerts import Channel, send
from headrace.orchestration.links import airflow_address
from headrace.orchestration.messages import of_late_run


class RunCreated(BaseDeadlineReference):
    """The instant at which a run was created.

    Airflow's own ``DAGRUN_QUEUED_AT`` means the same. Up to Airflow 3.3.2 a run with such a deadline cannot be cleared:
    https://github.com/apache/airflow/issues/70368.
    """

    def _evaluate_with(self, *, session: Any, **_kwargs: Any) -> dt.datetime:  # noqa: ARG002 - Airflow's signature
        return dt.datetime.now(dt.UTC)


def done_within(hours: float, *tables: str, alert: Channel = "page") -> DeadlineAlert:
    """A DAG's deadline: the people on a channel are notified once if a run is not done in so many hours.

    Args:
        tables: the tables that the message names as late.
    """
    arguments = {"channel": alert, "hours": hours, "tables": list(tables)}
    return DeadlineAlert(
        reference=RunCreated(), interval=dt.timedelta(hours=hours), callback=AsyncCallback(late, kwargs=arguments)
    )


async def late(context: dict[str, Any], channel: Channel, hours: float, tables: Sequence[str]) -> None:
    """Airflow's triggerer calls this for a run whose deadline is over.

    Nobody is notified of a failed run, because they were notified of its task. Nor of a backfill's runs, which are all
    created at once and wait for each other.
    """
    if context["dag_run"]["state"] == "failed" or context["dag_run"]["run_type"] == "backfill":
        return
    message = of_late_run(context, hours, tables, airflow_address())
    await asyncio.to_thread(send, project.config(), channel, message, context)
