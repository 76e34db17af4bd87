"""Sends the page's own files. They are found by listing the package's folder, never by a path that a client gave."""

from __future__ import annotations

import gzip
import mimetypes
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from earmark.web.api.responses import tag_of, unchanged
from earmark.web.errors import Refusal

STATIC = Path(__file__).parent / "static"
mimetypes.add_type("text/javascript", ".js")  # Windows may have another idea
mimetypes.add_type("image/svg+xml", ".svg")
mimetypes.add_type("application/manifest+json", ".webmanifest")


def site() -> APIRouter:
    """Routes to all files that are there now; ``/`` is ``index.html``."""
    files = {f"/{path.relative_to(STATIC).as_posix()}": path for path in STATIC.rglob("*") if path.is_file()}
    if "/index.html" in files:
        files["/"] = files["/index.html"]
    router = APIRouter()

    @router.get("/{path:path}", include_in_schema=False)
    def static(request: Request) -> Response:
        path = files.get(request.scope["path"])
        if path is None:
            raise Refusal("not_found", "there is no such page", "start at /")
        content = path.read_bytes()
        headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if path.suffix != ".png" and "gzip" in request.headers.get("accept-encoding", ""):
            content = _packed(content)
            headers["Content-Encoding"] = "gzip"
        headers["ETag"] = tag_of(content)
        if answer := unchanged(request, headers):
            return answer
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return Response(content, media_type=kind, headers=headers)

    return router


@lru_cache(maxsize=100)
def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)
