"""The page itself: files of the package, found by listing them, never by a path that a client gave."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from fastapi import APIRouter, Request, Response

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
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return Response(content, media_type=kind, headers=headers)

    return router
