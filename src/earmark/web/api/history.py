"""Routes to what was asked of the library: for the person whose machine it is, not for all who reach a server."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from itertools import islice
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from earmark.exports.served import Form, answer_file
from earmark.library.history import History
from earmark.web import models
from earmark.web.api.responses import API, FILES, download, failures
from earmark.web.errors import Refusal
from earmark.web.service import InService

router = APIRouter(prefix=f"{API}/history", tags=["history"])


def _history(request: Request, service: InService) -> History:
    if not request.app.state.is_private:
        raise Refusal("not_found", "what was asked is not kept where others can ask", "see: earmark history LIBRARY")
    return service.catalogue.history


Kept = Annotated[History, Depends(_history)]


@router.get("", response_model=models.AskedBefore, responses=failures("not_found"))
async def history(service: InService, kept: Kept, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
    """What was asked of the library, by the command line, too, and what was answered; the latest first."""
    entries = await asyncio.to_thread(lambda: list(islice(kept.entries(), limit)))
    names = {name for entry in entries for name in entry.names()}
    pieces = await asyncio.to_thread(service.catalogue.named, names)
    return {
        "is_on": kept.is_on,
        "entries": [{"key": entry.key, **asdict(entry)} for entry in entries],
        "pieces": pieces,
    }


@router.get("/{key}/export", response_class=Response, responses=failures("not_found") | FILES)
async def export(
    request: Request, kept: Kept, key: Annotated[str, Path(max_length=64)], form: Form = "csv"
) -> Response:
    """An answer of the history as a file, as a fresh one; what was followed has no annotations."""
    try:
        entry = await asyncio.to_thread(kept.entry, key)
    except KeyError:
        raise Refusal("not_found", "this answer is not kept any more", "ask again") from None
    try:
        text = answer_file(entry.asked, entry.answer, form, str(request.base_url))
    except (KeyError, TypeError) as error:  # the file was written by another version, or by hand
        raise Refusal("not_found", "this answer cannot be read any more", "ask again") from error
    except ValueError as error:
        raise Refusal("bad_request", str(error), "ask for csv or json") from error
    return download(text, form, PurePath(entry.query.replace("\\", "/")).name)


@router.delete("", status_code=204, responses=failures("not_found"))
async def clear(kept: Kept) -> None:
    """Forgets all of it."""
    await asyncio.to_thread(kept.clear)


@router.put("/switch", response_model=models.Switch, responses=failures("not_found"))
async def switch(kept: Kept, switch: models.Switch) -> dict[str, Any]:
    """Keeps answers from now on, or no more."""
    await asyncio.to_thread(kept.switch, switch.is_on)
    return {"is_on": kept.is_on}
