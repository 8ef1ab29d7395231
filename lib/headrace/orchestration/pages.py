"""Data docs and reports under Airflow's own address, for users who are logged in: ``/headrace/reports/...``."""

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

# Any job may write these files, and a browser must not take them for a part of Airflow. So they run no script, have an
# origin of their own, and load nothing. Their links work.
HARMLESS = {
    "Content-Security-Policy": (
        "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"
    ),
    "X-Content-Type-Options": "nosniff",
}


@cache
def app() -> FastAPI:
    """Serves only the data docs and the reports, under their paths below the environment's root."""
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import Depends, FastAPI, HTTPException, Response

    server = FastAPI(title="headrace", openapi_url=None)
    config = project.config()
    root = configuration.home().resolve() / config.root
    layout = config.layout
    shown = [below(config.root, folder) for folder in (layout.data_docs_site, layout.reports)]

    @server.get("/{path:path}", dependencies=[Depends(get_user)], response_class=Response)
    def page(path: str) -> Response:
        found = in_bucket(root, shown, path) if isinstance(root, S3Path) else on_disk(root, shown, path)
        if found is None:
            raise HTTPException(404, f"no page {path}")
        found.headers.update(HARMLESS)
        return found

    return server


def on_disk(root: Path, shown: Sequence[str], path: str) -> Response | None:
    """The file at ``path`` below ``root``, if it exists in one of the folders that are shown."""
    from fastapi.responses import FileResponse

    file = (root / path).resolve()
    allowed = any(file.is_relative_to((root / folder).resolve()) for folder in shown)
    return FileResponse(file) if allowed and file.is_file() else None


def in_bucket(root: S3Path, shown: Sequence[str], path: str) -> Response | None:
    """The same for an object in S3. Keys with dots as parts are refused, because servers treat them differently."""
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
    """``app``, made on the first request: every Airflow process imports plugins, and only one serves pages."""
    await app()(scope, receive, send)
