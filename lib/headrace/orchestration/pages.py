"""Data docs and reports under Airflow's own address, for whoever is logged in there: ``/headrace/reports/...``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

from headrace import config as configuration

if TYPE_CHECKING:
    from fastapi import FastAPI

SHOWN = ("data_docs", "reports")


@cache
def app() -> FastAPI:
    """Serves files of the folders in ``SHOWN`` below the environment's root, and nothing else."""
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.responses import FileResponse

    pages = FastAPI(title="headrace", openapi_url=None)
    root = (configuration.home() / configuration.load().root).resolve()

    @pages.get("/{path:path}", dependencies=[Depends(get_user)])
    def page(path: str) -> FileResponse:
        file = (root / path).resolve()
        if not any(file.is_relative_to(root / folder) for folder in SHOWN) or not file.is_file():
            raise HTTPException(404, f"there is no page {path}")
        return FileResponse(file)

    return pages


async def late(scope: Any, receive: Any, send: Any) -> None:
    """The same, made when it is first asked: every process of Airflow imports plugins, and one serves pages."""
    await app()(scope, receive, send)


class Pages(AirflowPlugin):
    name = "headrace"
    fastapi_apps = [{"name": "headrace", "app": late, "url_prefix": "/headrace"}]  # noqa: RUF012
