"""The Airflow plugin: the pages under Airflow's address, and the reference of deadlines."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from headrace.orchestration.deadlines import RunCreated
from headrace.orchestration.pages import pages


class Headrace(AirflowPlugin):
    name = "headrace"
    fastapi_apps = [{"name": "headrace", "app": pages, "url_prefix": "/headrace"}]
    deadline_references = [RunCreated]
