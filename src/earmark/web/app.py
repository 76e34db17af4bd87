"""Puts the application together: checks of the caller, routes, and answers for whatever is raised.

client ──► security ──► routes ──► catalogue              the library's lists, in the server's process
                           │
                           ├─────► sessions               what is kept for clients
                           └─────► queue ──► workers      whatever opens a file, in processes that can be killed
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from earmark import __version__
from earmark.errors import EarmarkError
from earmark.model.encoders import Model
from earmark.web.api import history, library, links, live, practice, queries, status
from earmark.web.api.responses import API
from earmark.web.errors import Refusal, disk_full, explain, is_full
from earmark.web.limits import Limits
from earmark.web.metrics import Counting
from earmark.web.security import Security
from earmark.web.service import default_workers, open_service
from earmark.web.site import site
from earmark.web.visitors import Visitors

log = logging.getLogger(__name__)


def create_app(
    where: str | Path,
    model: str | Model | None,
    token: str | None = None,
    hosts: Iterable[str] = (),
    limits: Limits | None = None,
    workers: int | None = None,
    address: str | None = None,
) -> FastAPI:
    """The ASGI application for the library at ``where``, whose processes start and end with its lifespan.

    ``token``: what every call has to bring, if anything; ``hosts``: names of the server besides its addresses;
    ``address``: what others on the network open, if they can; ends with a slash.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_service(where, model, limits or Limits(), workers or default_workers()) as service:
            app.state.service = service
            yield

    app = FastAPI(
        title="Earmark",
        version=__version__,
        description="Hears a recording and finds the page of sheet music it is played from.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # their scripts would come from another host
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.address, app.state.visitors = address, Visitors()
    app.state.is_private = token is None
    app.include_router(library.router)
    app.include_router(queries.router)
    app.include_router(history.router)
    app.include_router(links.router)
    app.include_router(live.router)
    app.include_router(practice.router)
    app.include_router(status.router)
    app.include_router(site())
    app.add_middleware(Counting)
    app.add_middleware(Security, hosts=tuple(hosts), token=token, visitors=app.state.visitors)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(EarmarkError, _failed)
    app.add_exception_handler(OSError, _no_room)
    app.add_exception_handler(RequestValidationError, _misstated)
    app.add_exception_handler(HTTPException, _not_routed)
    app.add_exception_handler(Exception, _broken)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return JSONResponse({"error": error.to_dict()}, error.status, error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, EarmarkError)
    return await _refused(request, explain(error, "the file"))


async def _no_room(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if not is_full(error):
        raise error
    return await _refused(request, disk_full())


async def _misstated(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    what = f"{first['loc'][-1]}: {first['msg'][:1].lower()}{first['msg'][1:]}"
    return await _refused(request, Refusal("bad_request", what, "see /api/v1/openapi.json"))


async def _not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        refusal = Refusal("no_method", f"this cannot be asked with {request.method}", "see /api/v1/openapi.json")
    elif error.status_code == 404:
        refusal = Refusal("not_found", "there is nothing at this address", "see /api/v1/openapi.json")
    else:
        refusal = Refusal("bad_request", str(error.detail), "see /api/v1/openapi.json")
    return await _refused(request, refusal)


async def _broken(request: Request, error: Exception) -> Response:
    return await _refused(request, Refusal("internal", "something went wrong in the server", "see what it printed"))
