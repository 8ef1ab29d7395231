"""Links from a task to its job's Spark UI (while it runs), data docs, report and MLflow run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import attrs
from airflow.sdk import BaseOperatorLink

from headrace.best_effort import BestEffort
from headrace.config import Config
from headrace.outcome import Result
from headrace.storage import below

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.types import TaskInstanceKey

SPARK_UI = re.compile(r"\bSpark UI (https?://\S+)")


@attrs.define()
class Link(BaseOperatorLink):
    """A link whose address the task sets while it runs."""

    name: str = ""

    @property
    def xcom_key(self) -> str:
        return f"link {self.name}"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """The address that the task has set."""
        from airflow.sdk.execution_time.xcom import XCom

        found = XCom.get_value(key=self.xcom_key, ti_key=ti_key)
        return found if isinstance(found, str) else ""


NAMES = ("Spark UI", "Data docs", "Report", "MLflow run")
LINKS = tuple(Link(name=name) for name in NAMES)


def push_links(context: Context, links: Mapping[str, str]) -> None:
    """Set the addresses of links. If Airflow does not take one, the task goes on without it."""
    for name, address in links.items():
        with BestEffort(f"the link {name}"):
            context["ti"].xcom_push(key=Link(name=name).xcom_key, value=address)


def drop_link(context: Context, name: str) -> None:
    """Hide a link that does not work any more."""
    push_links(context, {name: ""})


def spark_ui(line: str) -> str:
    """The address of the Spark UI, if this line of a job has it."""
    found = SPARK_UI.search(line)
    return found[1] if found else ""


def airflow_address() -> str:
    """The address at which a browser finds Airflow."""
    from airflow.sdk.configuration import conf

    return str(conf.get("api", "base_url", fallback="")).rstrip("/")


def addresses(config: Config, results: Iterable[Result]) -> dict[str, str]:
    """The address of each page that the stages made."""
    links: dict[str, str] = {}
    served = f"{airflow_address()}/headrace"
    pages, mlflow = config.links.pages.rstrip("/") or served, config.links.mlflow.rstrip("/")
    for result in results:
        if result.stage == "build":
            links["Data docs"] = f"{pages}/{below(config.root, config.layout.data_docs_page)}"
        if result.report:
            links["Report"] = f"{pages}/{result.report}"
        if mlflow and result.mlflow_run_id:
            links["MLflow run"] = f"{mlflow}/#/runs/{result.mlflow_run_id}"
    return links
