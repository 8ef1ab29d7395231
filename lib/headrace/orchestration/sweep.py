"""Applications that no task owns any more: what a lost worker left whose task was not tried again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from headrace.config import Config
from headrace.errors import ClusterError
from headrace.orchestration import project

if TYPE_CHECKING:
    from airflow.sdk import Context

ENDED = ("success", "failed", "skipped", "removed", "upstream_failed")


class Sweep(BaseOperator):
    """Delete every application of the environment whose task instance has ended, or is not there any more.

    One whose task runs, waits, or is to be tried again stays, and so does what a person started by hand. What another
    Airflow made for the environment is not known to this one, and deleted: an environment has one Airflow.

    Returns:
        The names of those deleted.
    """

    ui_color = "#eee6f5"

    def __init__(self, *, env: str = "", **options: Any) -> None:
        super().__init__(**{"task_id": "sweep", **options})
        self.env = env

    def execute(self, context: Context) -> list[str]:
        config = project.config(self.env)
        if config.backend != "kubernetes":
            self.log.info("jobs of %s run on this machine: there are no applications", config.environment)
            return []
        swept = asyncio.run(self._sweep(config, context))
        self.log.info("deleted: %s", ", ".join(swept) or "none")
        return swept

    async def _sweep(self, config: Config, context: Context) -> list[str]:
        from headrace.cluster import owner
        from headrace.orchestration.application import connected

        swept: list[str] = []
        staying: list[str] = []
        async with connected(config.kubernetes.conn_id, config.kubernetes.namespace) as cluster:
            for one in await cluster.applications(_ours(config)):
                name, uid = one["metadata"]["name"], one["metadata"]["uid"]
                if _owned(one, context["ti"]):
                    continue
                try:
                    await owner.release(cluster, name, uid)
                    swept.append(name)
                except ClusterError as stays:  # the others may go
                    self.log.warning("%s", stays)
                    staying.append(name)
        if staying:
            raise ClusterError(f"these do not go away: {', '.join(staying)}", "kubectl describe says why")
        return swept


def _ours(config: Config) -> str:
    from headrace.cluster.manifest import DOMAIN, MANAGED

    labels = {**MANAGED, f"{DOMAIN}/environment": config.environment}
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _owned(application: Mapping[str, Any], ti: Any) -> bool:
    """Whether the task instance that made it may still come back to it."""
    from headrace.cluster.manifest import IDENTITY

    kind, *parts = json.loads(application["metadata"]["annotations"].get(IDENTITY, '["unknown"]'))
    if kind != "task":
        return True
    dag, task, run, map_index = parts
    states = ti.get_task_states(dag_id=dag, task_ids=[task], run_ids=[run]).get(run, {})
    key = task if int(map_index) < 0 else f"{task}_{map_index}"
    return key in states and states[key] not in ENDED
