"""Routes to what was asked of the library: for the person whose machine it is, not for all who reach a server."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from earmark.library.history import History
from earmark.web import models
from earmark.web.api.responses import API, failures
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
    return {"is_on": kept.is_on, "entries": [asdict(entry) for entry in entries], "pieces": pieces}


@router.delete("", status_code=204, responses=failures("not_found"))
async def clear(kept: Kept) -> None:
    """Forgets all of it."""
    await asyncio.to_thread(kept.clear)


@router.put("/switch", response_model=models.Switch, responses=failures("not_found"))
async def switch(kept: Kept, switch: models.Switch) -> dict[str, Any]:
    """Keeps answers from now on, or no more."""
    await asyncio.to_thread(kept.switch, switch.is_on)
    return {"is_on": kept.is_on}
