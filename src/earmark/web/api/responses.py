"""What routes share: errors in the OpenAPI document, jobs as JSON and server-sent events, pictures and ETags."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import quote

from fastapi import Response
from starlette.requests import Request
from starlette.responses import StreamingResponse

from earmark.exports.served import Form
from earmark.web.errors import STATUS
from earmark.web.models import Failure
from earmark.web.queue import Job, Pool

API = "/api/v1"
MEDIA: dict[Form, str] = {"csv": "text/csv", "json": "application/json", "annotations": "application/ld+json"}
FILES: dict[int | str, dict[str, Any]] = {
    200: {"description": "A file: of CSV, of JSON, or of W3C Web Annotations.", "content": {"*/*": {}}}
}
"""The document's entry for an answer as a file."""
EVENTS_EVERY_S = 0.25
CACHED_BYTES = 64_000_000


def failures(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The document's entries for refusals of these kinds, besides those that every call may get."""
    described: dict[int | str, dict[str, Any]] = {}
    for kind in (*kinds, "bad_request", "no_token", "foreign"):
        before = described.get(STATUS[kind], {}).get("description")
        described[STATUS[kind]] = {"model": Failure, "description": f"{before}, {kind}" if before else kind}
    return described


def body(what: str) -> dict[str, Any]:
    """The document's entry for a body of raw bytes."""
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    return {"requestBody": {"description": what, "content": content}}


def picture(what: str, kind: str = "image/png") -> dict[int | str, dict[str, Any]]:
    """The document's entry for an answer that is a picture, of this media type."""
    return {200: {"description": what, "content": {kind: {"schema": {"type": "string", "format": "binary"}}}}}


def download(text: str, form: Form, name: str) -> Response:
    """A text as a file, which is named after what was asked, ``name``."""
    ending = "annotations.json" if form == "annotations" else form
    shown = quote(f"{name}.{ending}")
    return Response(
        text, media_type=MEDIA[form], headers={"Content-Disposition": f"attachment; filename*=UTF-8''{shown}"}
    )


def job_json(job: Job, name: str, pool: Pool) -> dict[str, Any]:
    """The fields of `earmark.web.models.Job`."""
    return {
        "id": job.id,
        "name": name,
        "state": job.state,
        "ahead": pool.queue.ahead(job),
        "progress": 1.0 if job.state == "done" else job.progress.done,
        "error": job.refusal.to_dict() if job.refusal else None,
    }


def events(job: Job, state: Callable[[], str]) -> StreamingResponse:
    """Server-sent events: the job's ``state()``, JSON, now and after each change, until it is over."""

    async def lines() -> AsyncIterator[str]:
        async for _ in job.changes(EVENTS_EVERY_S):
            yield f"event: state\ndata: {state()}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


class Pictures:
    """PNGs by what they show, the last used ones of at most `CACHED_BYTES`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def get(self, tag: str) -> bytes | None:
        """The picture of this tag, if it is here."""
        if tag in self._kept:
            self._kept.move_to_end(tag)
        return self._kept.get(tag)

    def put(self, tag: str, picture: bytes) -> None:
        """Keeps a picture."""
        self._bytes += len(picture) - len(self._kept.pop(tag, b""))
        self._kept[tag] = picture
        while self._bytes > CACHED_BYTES:
            self._bytes -= len(self._kept.popitem(last=False)[1])


def tag_of(*what: object) -> str:
    """An entity tag for content that is always the same for the same ``what``."""
    return f'"{hashlib.sha256(repr(what).encode()).hexdigest()[:32]}"'


def unchanged(request: Request, headers: Mapping[str, str]) -> Response | None:
    """304 with ``headers``, if the client has what their ETag names."""
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return None
