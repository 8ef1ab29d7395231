"""Data docs and reports under Airflow's own address, for whoever is logged in there: ``/headrace/reports/...``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from headrace import config as configuration
from headrace.orchestration import project

if TYPE_CHECKING:
    from fastapi import FastAPI


@cache
def app() -> FastAPI:
    """Serves the data docs and the reports, under their paths below the environment's root, and nothing else."""
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.responses import FileResponse

    made = FastAPI(title="headrace", openapi_url=None)
    config, home = project.config(), configuration.home().resolve()
    root = (home / config.root).resolve()
    shown = [(home / folder).resolve() for folder in (config.data_docs_page.parent, config.root / "reports")]

    @made.get("/{path:path}", dependencies=[Depends(get_user)])
    def page(path: str) -> FileResponse:
        file = (root / path).resolve()
        if not any(file.is_relative_to(folder) for folder in shown) or not file.is_file():
            raise HTTPException(404, f"there is no page {path}")
        return FileResponse(file)

    return made


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """The same, made when it is first asked: every process of Airflow imports plugins, and one serves pages."""
    await app()(scope, receive, send)
