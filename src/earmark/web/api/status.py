"""Routes for those who keep the server running: that it answers, its counters, how others open it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from earmark.web.api.responses import API, failures, picture
from earmark.web.errors import Refusal
from earmark.web.models import Health
from earmark.web.qr import svg_code
from earmark.web.service import InService

router = APIRouter(tags=["status"])


@router.get("/healthz")
async def healthz() -> Health:
    """That the server answers."""
    return Health()


@router.get("/metrics", response_class=Response)
async def metrics(service: InService) -> Response:
    """Counters in Prometheus's text format."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


@router.post(
    f"{API}/invitations",
    response_class=Response,
    responses=failures("not_found") | picture("A QR code.", "image/svg+xml"),
)
async def invite(request: Request) -> Response:
    """An address that lets another device in, once and for ten minutes, as a QR code; the token is not in it."""
    state = request.app.state
    if state.address is None:
        remedy = "to open it on a tablet, start earmark serve with --host 0.0.0.0 --tls"
        raise Refusal("not_found", "only this machine can reach the server", remedy)
    return Response(svg_code(f"{state.address}?token={state.visitors.invite()}"), media_type="image/svg+xml")
