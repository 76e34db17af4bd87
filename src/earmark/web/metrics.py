"""Counters that Prometheus reads: requests, jobs, queues, what is kept."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earmark.web.live_sessions import LiveSessions
from earmark.web.queue import Job, Pool
from earmark.web.sessions import Sessions

SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120)


class Metrics:
    """What ``/metrics`` shows: requests, jobs, queues, workers, what is kept, the server's own process."""

    def __init__(self, pools: Iterable[Pool], sessions: Sessions, live_sessions: LiveSessions) -> None:
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "earmark_requests",
            "Requests by route, method and status.",
            ["route", "method", "status"],
            registry=registry,
        )
        live = Gauge("earmark_live_sessions", "Clients that listen live.", registry=registry)
        live.set_function(lambda: live_sessions.count)
        self._jobs = Counter("earmark_jobs", "Jobs ended, by task and outcome.", ["task", "outcome"], registry=registry)
        self._seconds = Histogram(
            "earmark_job_seconds", "Seconds a job was worked on.", ["task"], buckets=SECONDS, registry=registry
        )
        waiting = Gauge("earmark_jobs_waiting", "Jobs in the queue.", ["queue"], registry=registry)
        working = Gauge("earmark_jobs_working", "Jobs that workers do.", ["queue"], registry=registry)
        for pool in pools:
            waiting.labels(pool.name).set_function(pool.waiting)
            working.labels(pool.name).set_function(pool.working)
            pool.ended = self._ended
        kept = Gauge("earmark_kept_bytes", "Bytes of recordings kept on disk.", registry=registry)
        kept.set_function(lambda: sessions.kept_bytes)
        queries = Gauge("earmark_kept_questions", "Queries that may be come back to.", registry=registry)
        queries.set_function(lambda: len(sessions.queries))
        ProcessCollector(registry=registry)

    def text(self) -> bytes:
        """Prometheus's text format."""
        return generate_latest(self._registry)

    def _ended(self, job: Job) -> None:
        self._jobs.labels(job.task.name, job.refusal.kind if job.refusal else "done").inc()
        self._seconds.labels(job.task.name).observe(job.seconds)


class Counting:
    """ASGI middleware that counts requests by the route they took."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "none")
                metrics: Metrics = scope["app"].state.service.metrics
                metrics.requests.labels(route, scope["method"], message["status"]).inc()
            await send(message)

        await self._app(scope, receive, send_counted if scope["type"] == "http" else send)
