"""Routes to practise with recordings: what belongs to a piece, and where its recordings are in the score."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from earmark.web import models
from earmark.web.api.responses import API, failures, job_json
from earmark.web.errors import Refusal
from earmark.web.service import Client, InService

router = APIRouter(prefix=API, tags=["practice"])
Identifier = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("/pieces/{piece}/links", response_model=models.PieceLinks, responses=failures("not_found", "busy"))
async def links(service: InService, client: Client, piece: Identifier) -> dict[str, Any]:
    """Recordings, scores, editions and parts that belong to a piece; where pieces are new, the work on them begins."""
    found = await asyncio.to_thread(service.catalogue.links, piece)
    if found["ahead"]:
        service.practising.link(client)
    return found


@router.get(
    "/pieces/{piece}/recordings/{recording}/alignment",
    response_model=models.Alignment,
    responses=failures("not_found", "unusable_file", "busy")
    | {202: {"model": models.Alignment, "description": "Not yet: ask again."}},
)
async def alignment(
    service: InService, client: Client, response: Response, piece: Identifier, recording: Identifier
) -> Any:
    """Where in a piece an indexed recording is at every moment; kept once it was made."""
    score, played = await asyncio.to_thread(lambda: [service.catalogue.piece(one) for one in (piece, recording)])
    if (score.kind, played.kind) != ("score", "recording"):
        raise Refusal("not_found", "there is no such recording of a score", "name a score and a recording")
    practising = service.practising
    if known := await asyncio.to_thread(practising.kept, score, played):
        return {"state": "done", "ahead": None, "progress": 1.0, "alignment": known}
    (path,) = await asyncio.to_thread(service.catalogue.files, played)
    job = practising.align(client, score, played, path)
    if job.over:
        await asyncio.to_thread(practising.keep, score, played, job.answer.value)
    else:
        response.status_code = 202
    state = job_json(job, played.name, service.searching)
    return {key: state[key] for key in ("state", "ahead", "progress")} | {"alignment": job.answer.value or None}
