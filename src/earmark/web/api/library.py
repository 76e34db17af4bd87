"""Routes to browse the library, and to add and remove pieces."""

from __future__ import annotations

import asyncio
from pathlib import Path as FilePath
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import FileResponse

from earmark import __version__
from earmark.exports.served import bookmark_annotations
from earmark.results.places import Kind
from earmark.sheet.draw import THUMBNAIL_PX
from earmark.store.names import Order
from earmark.web import models
from earmark.web.added_files import AddedFiles
from earmark.web.api.responses import API, Pictures, body, events, failures, job_json, picture, tag_of, unchanged
from earmark.web.errors import Refusal
from earmark.web.protocol import Answer, Task, piece_json
from earmark.web.service import Client, InService, Service
from earmark.web.sessions import KeptAddition
from earmark.web.tasks import WIDEST_PX
from earmark.web.uploads import int_or_zero, score_suffix, shown_name

PAGE_WIDTHS = (240, THUMBNAIL_PX, 960, 1440, 1920, WIDEST_PX)
PRIVATELY_A_DAY = "private, max-age=86400"

router = APIRouter(prefix=API, tags=["library"])
pictures = Pictures()
Identifier = Annotated[int, Path(ge=1, lt=2**63)]
Key = Annotated[str, Path(max_length=64)]
FileName = Annotated[str, Query(max_length=255, description="for show, and to name what is stored")]


@router.get("/library", response_model=models.LibrarySummary, responses=failures("unavailable"))
def library(request: Request, service: InService) -> dict[str, Any]:
    """What the library holds, what the server takes, and whether it tells what was asked before."""
    limits = service.limits
    taken = {name: getattr(limits, name) for name in models.Limits.model_fields}
    return service.catalogue.summary() | {
        "limits": taken,
        "questions": ["recording", "page"],
        "page_widths": PAGE_WIDTHS,
        "has_history": request.app.state.is_private,
        "version": __version__,
    }


@router.get("/pieces", response_model=models.Pieces, responses=failures("unavailable"))
def pieces(
    service: InService,
    kind: Annotated[Kind, Query(description="sheet music, or indexed recordings")] = "score",
    search: Annotated[
        str, Query(max_length=200, description="words of name, title, composer, note or tags, all of them")
    ] = "",
    tag: Annotated[list[str], Query(max_length=100, description="a tag that they have; repeat it")] = [],  # noqa: B006
    order: Annotated[Order, Query(description="what they are sorted by; added: the latest first")] = "name",
    initial: Annotated[
        str | None, Query(max_length=8, description="one of the answer's `initials`; not with order added")
    ] = None,
    is_missing: Annotated[bool, Query(description="only pieces of which a file is gone")] = False,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Pieces of one kind; accents and case do not count in searching and sorting, and numbers sort as numbers."""
    return service.catalogue.pieces(kind, search, tag, order, initial, is_missing, offset, limit)


@router.get("/pieces/{piece}", response_model=models.PieceDetails, responses=failures("not_found"))
def piece(service: InService, piece: Identifier) -> dict[str, Any]:
    """One piece with its pages and the places of its systems."""
    return service.catalogue.details(piece)


@router.get(
    "/pieces/{piece}/pages/{number}.png",
    response_class=Response,
    responses=failures("not_found", "unusable_file", "busy") | picture("The page, grey."),
)
async def page(
    service: InService,
    client: Client,
    request: Request,
    piece: Identifier,
    number: Annotated[int, Path(ge=1, le=100_000)],
    width: Annotated[int, Query(description=f"in px, one of {PAGE_WIDTHS}")] = 960,
) -> Response:
    """The picture of a page."""
    if width not in PAGE_WIDTHS:
        raise Refusal("bad_request", f"there are no pages {width} px wide", f"ask for one of {PAGE_WIDTHS}")
    found = await asyncio.to_thread(service.catalogue.piece, piece)
    if number > found.pages:
        raise Refusal("not_found", f"the piece has no page {number}", f"ask for one of {found.pages}")
    tag = tag_of(found.sha256, number, width)
    headers = {"ETag": tag, "Cache-Control": PRIVATELY_A_DAY}
    if answer := unchanged(request, headers):
        return answer
    content = pictures.get(tag)
    if content is None and (number, width) == (1, THUMBNAIL_PX):  # at once, without the file
        content = await asyncio.to_thread(service.catalogue.thumbnail, found)
    if content is None:
        files = await asyncio.to_thread(service.catalogue.files, found)
        task = Task("page", {"files": files, "name": found.name, "number": number, "width": width})
        content = (await service.showing.submit(client, task, service.limits.view_s).wait()).content
        pictures.put(tag, content)
    return Response(content, media_type="image/png", headers=headers)


@router.get("/pieces/{piece}/recording", response_class=FileResponse, responses=failures("not_found"))
def piece_recording(service: InService, piece: Identifier) -> Response:
    """The file of an indexed recording as it is; ranges are answered."""
    found = service.catalogue.piece(piece)
    path = next(iter(service.catalogue.files(found)), "") if found.kind == "recording" else ""
    if not FilePath(path).is_file():
        raise Refusal("not_found", "the recording's file is not there", "add it to the library again")
    return FileResponse(path, media_type="application/octet-stream", content_disposition_type="attachment")


@router.post(
    "/pieces",
    status_code=202,
    response_model=models.Addition,
    responses=failures("unusable_file", "too_large", "too_slow", "busy", "full"),
    openapi_extra=body("A PDF, an image, a score file (MusicXML, MXL, MEI, **kern, ABC) or a recording: one piece."),
)
async def add(service: InService, client: Client, request: Request, response: Response, name: FileName) -> Any:
    """Adds a score or a recording; the answer says where to ask what has become of it."""
    shown, files, limits = shown_name(name, "score"), service.catalogue.added, service.limits
    most_bytes = limits.score_bytes if score_suffix(name) else limits.audio_bytes
    await asyncio.to_thread(files.check_room, min(int_or_zero(request.headers.get("content-length")), most_bytes))
    upload, _ = await service.sessions.receive(request, most_bytes)
    path = await asyncio.to_thread(files.keep, shown, upload)
    task = Task("add", {"path": str(path), "name": shown, "most_pages": limits.score_pages})
    try:
        job = service.adding.submit(client, task, limits.addition_s, lambda: _added_nevertheless(files, path))
    except Refusal:
        await asyncio.to_thread(files.release, path)
        raise
    addition = KeptAddition(job, shown)
    service.sessions.keep_addition(addition, lambda: files.release(path))
    response.headers["Location"] = f"{API}/additions/{addition.job.id}"
    return _addition(service, addition)


@router.get("/additions/{addition}", response_model=models.Addition, responses=failures("not_found"))
async def addition(service: InService, addition: Key) -> dict[str, Any]:
    """What has become of a score that was sent."""
    return _addition(service, service.sessions.addition(addition))


@router.get("/additions/{addition}/events", response_class=Response, responses=failures("not_found"))
async def addition_events(service: InService, addition: Key) -> Response:
    """The same as server-sent events `state`, until it is done or has failed."""
    kept = service.sessions.addition(addition)
    return events(kept.job, lambda: models.Addition.model_validate(_addition(service, kept)).model_dump_json())


@router.patch(
    "/pieces/{piece}", response_model=models.Piece, responses=failures("bad_request", "not_found", "unavailable")
)
def edit(service: InService, piece: Identifier, edit: models.Edit) -> dict[str, Any]:
    """Sets a piece's name, title, composer, note and tags, as far as they are given; they stay when its file is added
    again."""
    return service.catalogue.edit(piece, **edit.model_dump())


@router.get(
    "/pieces/{piece}/annotations",
    response_class=Response,
    responses=failures("not_found")
    | {200: {"description": "A page of W3C Web Annotations.", "content": {"application/ld+json": {}}}},
)
def piece_annotations(service: InService, request: Request, piece: Identifier) -> Response:
    """A piece's bookmarks, and what was written there, as a file; it leads to this server's pages."""
    found, boxes = service.catalogue.bookmarked(piece)
    text = bookmark_annotations(found.name, found.bookmarks, boxes, str(request.base_url))
    name = quote(f"{found.name}.annotations.json")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(text, media_type="application/ld+json", headers=headers)


@router.delete("/pieces/{piece}", response_model=models.Removal, responses=failures("not_found"))
def remove(service: InService, piece: Identifier) -> dict[str, Any]:
    """Removes a piece. A file that came through the API goes with it when that can be undone no more; others stay."""
    return service.catalogue.remove(piece)


@router.post("/removals/{removal}/undo", response_model=models.Piece, responses=failures("not_found"))
def undo(service: InService, removal: Key) -> dict[str, Any]:
    """Brings a removed piece back as it was, under a new id."""
    return service.catalogue.undo(removal)


@router.get("/recordings", response_model=models.Recordings)
def recordings(service: InService) -> dict[str, Any]:
    """The recordings in the library's own folder, which can be asked about without sending them."""
    return {"recordings": service.catalogue.recordings()}


def _added_nevertheless(files: AddedFiles, path: FilePath) -> Answer | None:
    """What a worker would have answered that was lost after the library had taken the piece."""
    found = files.piece_of(path)
    if found is None:
        return None
    outcome = "added" if files.is_new(path) else "unchanged"
    return Answer({"outcome": outcome, "piece": piece_json(found), "remarks": []})


def _addition(service: Service, addition: KeptAddition) -> dict[str, Any]:
    done = addition.job.answer.value
    job = job_json(addition.job, addition.name, service.adding)
    return job | {key: done.get(key) for key in ("outcome", "piece", "remarks")}
