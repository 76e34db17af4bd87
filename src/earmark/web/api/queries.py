"""Routes to look up a recording or sheet music, to follow the recording through a score, and to explain the result."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import FileResponse

from earmark.exports.served import Form, answer_file
from earmark.web import models
from earmark.web.api.responses import API, FILES, body, download, events, failures, job_json, picture
from earmark.web.errors import Refusal
from earmark.web.protocol import Answer, Task
from earmark.web.service import Client, InService, Service
from earmark.web.sessions import KeptQuery
from earmark.web.uploads import score_suffix, shown_name

MOST_SHOWN_S = 120.0
MOST_HITS = 50

router = APIRouter(prefix=API, tags=["queries"])
Key = Annotated[str, Path(max_length=64)]
StartS = Annotated[float, Query(ge=0, le=10**6)]
EndS = Annotated[float | None, Query(gt=0, le=10**6)]
PieceId = Annotated[int | None, Query(ge=1, lt=2**63, description="a piece's id; without it the first hit's")]


@router.post(
    "/queries",
    status_code=202,
    response_model=models.Query,
    responses=failures("not_found", "empty_library", "too_large", "too_slow", "busy", "full"),
    openapi_extra=body(
        "A recording in any container that FFmpeg reads, or sheet music; nothing when `recording` names one."
    ),
)
async def send(
    service: InService,
    client: Client,
    request: Request,
    response: Response,
    name: Annotated[
        str, Query(max_length=255, description="for show; sheet music is known by its ending")
    ] = "recording",
    recording: Annotated[str, Query(max_length=4096, description="one of /recordings, instead of a body")] = "",
    start_s: StartS = 0.0,
    end_s: EndS = None,
    top: Annotated[int, Query(ge=1, le=MOST_HITS)] = 5,
) -> Any:
    """Looks a recording or sheet music up; the answer says where to ask for the result."""
    if end_s is not None and end_s <= start_s:
        raise Refusal("bad_request", "end_s is not after start_s", "give a start before the end")
    if (await asyncio.to_thread(service.catalogue.summary))["model"] is None:
        raise Refusal("empty_library", "the library is empty", "add sheet music first")
    limits, suffix = service.limits, "" if recording else score_suffix(name)
    if recording:
        path, size = await asyncio.to_thread(service.catalogue.recording, recording), 0
    else:
        most_bytes = limits.score_bytes if suffix else limits.audio_bytes
        path, size = await service.sessions.receive(request, most_bytes, suffix)
    shown = shown_name(recording or name, "recording")
    is_kept = request.app.state.is_private  # what others ask is theirs
    most = {"is_kept": is_kept, "top": top, "most_s": limits.audio_s, "most_pages": limits.question_pages}
    task = Task("find", {"path": str(path), "name": shown, "start_s": start_s, "end_s": end_s, **most})
    try:
        job = service.searching.submit(client, task, limits.query_s)
    except Refusal:
        if size:
            path.unlink()
        raise
    kept = KeptQuery(job, shown, path, size, bool(suffix))
    service.sessions.put(kept)
    response.headers["Location"] = f"{API}/queries/{job.id}"
    return _query_json(service, kept)


@router.get("/queries/{query}", response_model=models.Query, responses=failures("not_found"))
async def state(service: InService, query: Key) -> dict[str, Any]:
    """What has become of a query."""
    return _query_json(service, service.sessions.query(query))


@router.get("/queries/{query}/events", response_class=Response, responses=failures("not_found"))
async def state_events(service: InService, query: Key) -> Response:
    """The same as server-sent events `state`, until it is done or has failed."""
    kept = service.sessions.query(query)
    return events(kept.job, lambda: models.Query.model_validate(_query_json(service, kept)).model_dump_json())


@router.get(
    "/queries/{query}/export",
    response_class=Response,
    responses=failures("not_found", "not_ready") | FILES,
)
async def export(service: InService, request: Request, query: Key, form: Form = "csv") -> Response:
    """The answer to a query as a file; annotations lead to this server's pages."""
    kept = service.sessions.query(query)
    result = kept.job.answer.value.get("result")
    if result is None:
        raise Refusal("not_ready", "there is no answer yet", "wait for the result")
    return download(answer_file("find", result, form, str(request.base_url)), form, kept.name)


@router.delete("/queries/{query}", status_code=204, responses=failures("not_found"))
async def forget(service: InService, query: Key) -> None:
    """Ends a query and removes its file from the server."""
    service.sessions.forget(service.sessions.query(query).job.id)


@router.get("/queries/{query}/recording", response_class=FileResponse, responses=failures("not_found"))
async def recording(service: InService, query: Key) -> Response:
    """The file as it was sent; ranges are answered."""
    path = service.sessions.query(query).path
    return FileResponse(path, media_type="application/octet-stream", content_disposition_type="attachment")


@router.get(
    "/queries/{query}/spectrogram.png",
    response_class=Response,
    responses=failures("not_found", "unusable_file", "busy")
    | picture("One px per frame (20/s) and band (92), white is loud; `Earmark-Range`: its first and last second."),
)
async def spectrogram(
    service: InService, client: Client, query: Key, start_s: StartS = 0.0, end_s: EndS = None
) -> Response:
    """What the audio encoder is given, as a picture."""
    answer = await _shown(service, client, _recording(service, query), "spectrogram", start_s, end_s)
    covered = f"{answer.value['start_s']} {answer.value['end_s']}"
    return Response(answer.content, media_type="image/png", headers={"Earmark-Range": covered})


@router.get(
    "/queries/{query}/alignment",
    response_model=models.Alignment,
    responses=failures("not_found", "not_ready", "unusable_file", "busy")
    | {202: {"model": models.Alignment, "description": "Not yet: ask again."}},
)
async def alignment(service: InService, client: Client, query: Key, response: Response, piece: PieceId = None) -> Any:
    """Where in a piece the recording is at every moment. The first call starts the work; ask until it is done."""
    kept = _recording(service, query)
    chosen = piece or _first_hit(kept)
    job = kept.alignments.get(chosen)
    if job is None:
        name = (await asyncio.to_thread(service.catalogue.piece, chosen)).name
        task = Task("align", {"path": str(kept.path), "name": kept.name, "piece": name})
        job = kept.alignments[chosen] = service.searching.submit(client, task, service.limits.query_s)
    if job.refusal:
        del kept.alignments[chosen]  # the next call tries again
        raise job.refusal
    if job.state != "done":
        response.status_code = 202
    state = job_json(job, kept.name, service.searching)
    return {key: state[key] for key in ("state", "ahead", "progress")} | {"alignment": job.answer.value or None}


@router.get(
    "/queries/{query}/attention",
    response_model=models.Attention,
    responses=failures("not_found", "not_ready", "unusable_file", "busy"),
)
async def attention(
    service: InService, client: Client, query: Key, piece: PieceId = None, start_s: StartS = 0.0, end_s: EndS = None
) -> Any:
    """What the model attends to, and the snippets of a piece that look alike to it."""
    kept = _recording(service, query)
    what = {"piece": piece or _first_hit(kept), "semitones": kept.semitones}
    return (await _shown(service, client, kept, "attention", start_s, end_s, **what)).value


async def _shown(
    service: Service, client: Client, kept: KeptQuery, task: str, start_s: float, end_s: float | None, **more: Any
) -> Answer:
    """A stretch of a recording, drawn or explained by a worker."""
    stop_s = start_s + MOST_SHOWN_S / 2 if end_s is None else end_s
    if not 0 < stop_s - start_s <= MOST_SHOWN_S:
        raise Refusal("bad_request", "end_s is not after start_s, or far after it", f"ask for {MOST_SHOWN_S:.0f} s")
    drawn = Task(task, {"path": str(kept.path), "name": kept.name, "start_s": start_s, "end_s": stop_s, **more})
    return await service.showing.submit(client, drawn, service.limits.view_s).wait()


def _query_json(service: Service, kept: KeptQuery) -> dict[str, Any]:
    job = kept.job
    result = job.answer.value.get("result")
    heard_s = result["query"].get("duration_s", 0.0) if result else job.progress.heard_s
    state = job_json(job, kept.name, service.searching)
    return state | {"heard_s": heard_s, "result": result, "pieces": job.answer.value.get("pieces", {})}


def _recording(service: Service, query: str) -> KeptQuery:
    """A query that is a recording; raises Refusal, unusable_file, when it is sheet music."""
    kept = service.sessions.query(query)
    if kept.is_sheet:
        raise Refusal("unusable_file", f"{kept.name} is sheet music, which cannot be heard", "ask with a recording")
    return kept


def _first_hit(kept: KeptQuery) -> int:
    """The id of the best hit's piece; raises Refusal, not_ready, when there is none."""
    found = kept.job.answer.value
    if not found or not found["result"]["hits"]:
        raise Refusal("not_ready", "no piece has been found", "wait for the result, or name a piece")
    return int(found["result"]["hits"][0]["piece_id"])
