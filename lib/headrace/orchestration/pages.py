"""Data docs and reports under Airflow's own address, for whoever is logged in there: ``/headrace/reports/...``."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from headrace import config as configuration
from headrace.orchestration import project
from headrace.storage import S3Path, below

if TYPE_CHECKING:
    from fastapi import FastAPI, Response


@cache
def app() -> FastAPI:
    """Serves the data docs and the reports, under their paths below the environment's root, and nothing else."""
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import Depends, FastAPI, HTTPException, Response

    made = FastAPI(title="headrace", openapi_url=None)
    config = project.config()
    root = configuration.home().resolve() / config.root
    shown = [below(config.root, config.data_docs_page.parent), "reports"]

    @made.get("/{path:path}", dependencies=[Depends(get_user)], response_class=Response)
    def page(path: str) -> Response:
        found = in_bucket(root, shown, path) if isinstance(root, S3Path) else on_disk(root, shown, path)
        if found is None:
            raise HTTPException(404, f"there is no page {path}")
        return found

    return made


def on_disk(root: Path, shown: Sequence[str], path: str) -> Response | None:
    """The file at ``path`` below ``root``, if it is there and lies in one of the folders that are shown."""
    from fastapi.responses import FileResponse

    file = (root / path).resolve()
    allowed = any(file.is_relative_to((root / folder).resolve()) for folder in shown)
    return FileResponse(file) if allowed and file.is_file() else None


def in_bucket(root: S3Path, shown: Sequence[str], path: str) -> Response | None:
    """The same of an object. What a server makes of dots in a key is its own affair, so they are not asked for."""
    from fastapi import Response

    plain = not {"", ".", ".."} & set(path.split("/"))
    if not plain or not any(PurePosixPath(path).is_relative_to(folder) for folder in shown):
        return None
    try:
        content = (root / path).read_bytes()
    except FileNotFoundError:
        return None
    return Response(content, media_type=mimetypes.guess_type(path)[0] or "application/octet-stream")


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """The same, made when it is first asked: every process of Airflow imports plugins, and one serves pages."""
    await app()(scope, receive, send)
