"""What Airflow itself has to know of: the pages under its address, and what deadlines count from."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from headrace.orchestration.deadlines import RunCreated
from headrace.orchestration.pages import pages


class Headrace(AirflowPlugin):
    name = "headrace"
    fastapi_apps = [{"name": "headrace", "app": pages, "url_prefix": "/headrace"}]  # noqa: RUF012
    deadline_references = [RunCreated]  # noqa: RUF012
