"""Permanent links: a piece by its name, which stays when it is read anew, and a page or measure of it."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse

from earmark.web.service import InService

router = APIRouter()


@router.get("/open", include_in_schema=False)
async def open_piece(
    service: InService,
    piece: Annotated[str, Query(max_length=1000)],
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    measure: Annotated[str | None, Query(max_length=100)] = None,
) -> RedirectResponse:
    """Leads to the piece of a name in the browser, at a page, or at the first measure of a number instead."""
    identifier, number = await asyncio.to_thread(service.catalogue.located, piece, page, measure)
    return RedirectResponse(f"/#/piece/{identifier}/{number}", 307)
