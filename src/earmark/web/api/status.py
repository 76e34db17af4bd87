"""Routes for those who keep the server running: that it answers, and its counters."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from earmark.web.models import Health
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
