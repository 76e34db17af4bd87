"""Permanent links: a piece by its name, which stays when it is read anew, and a page, system or measure of it."""

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
    system: Annotated[int | None, Query(ge=1, le=1000)] = None,
    measure: Annotated[str | None, Query(max_length=100)] = None,
) -> RedirectResponse:
    """Leads to the piece of a name in the browser, at a page and a system of it, or instead at the first measure of a
    number."""
    where = await asyncio.to_thread(service.catalogue.located, piece, page, system, measure)
    return RedirectResponse(f"/#/piece/{'/'.join(map(str, where))}", 307)
