"""The page and its files."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

from clickmask.server.deps import TheSettings
from clickmask.server.errors import NotFoundError

router = APIRouter()

_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>clickmask</title>
<h1>clickmask</h1><p>The browser client is not built. In a source checkout run <code>make web</code> (needs Node 20);
an installed clickmask always brings it, so install it again. The API works meanwhile:
<a href="/api/v1/project">/api/v1/project</a>, <a href="/api/v1/images">/api/v1/images</a>.</p>
"""


@router.get("/", include_in_schema=False)
async def index(settings: TheSettings) -> Response:
    """The annotator."""
    file = settings.static_folder / "index.html"
    if not file.is_file():
        return HTMLResponse(_NOT_BUILT, 503)
    return FileResponse(file, headers={"Cache-Control": "no-cache"})


@router.get("/static/{path:path}", include_in_schema=False)
async def static(path: str, settings: TheSettings) -> Response:
    """A file of the client."""
    root = settings.static_folder.resolve()
    file = (root / path).resolve()
    if not file.is_relative_to(root) or not file.is_file():
        raise NotFoundError(f"There is no file {path[:200]}.")
    return FileResponse(file, headers={"Cache-Control": "no-cache"})
