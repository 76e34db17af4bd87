"""Starts and ends what all routes share: the library, queues with their workers, what is kept for clients, counters.

Two or more workers look queries up, one reads scores at a lower priority, one draws pages and spectrograms. Recordings
that were asked about are kept for following and explaining them, in a temporary folder that the server, or if it is
killed the last worker, removes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from earmark.files import make_folder
from earmark.library.library import Library
from earmark.model.encoders import Model
from earmark.store.location import kept_in
from earmark.web import queue
from earmark.web.catalogue import Catalogue
from earmark.web.limits import Limits, network_of
from earmark.web.live_sessions import LiveSessions
from earmark.web.metrics import Metrics
from earmark.web.practising import Practising
from earmark.web.queue import Pool
from earmark.web.security import CLIENT_HEADER
from earmark.web.sessions import Sessions
from earmark.web.worker import Setup
from earmark.web.worker_process import Worker

NICENESS_OF_ADDING = 10
TIDY_S = 60.0


@dataclass(frozen=True)
class Service:
    """``searching`` does queries, ``adding`` reads scores, ``showing`` draws pages and spectrograms."""

    catalogue: Catalogue
    sessions: Sessions
    searching: Pool
    adding: Pool
    showing: Pool
    live_sessions: LiveSessions
    practising: Practising
    limits: Limits
    metrics: Metrics


@asynccontextmanager
async def open_service(
    where: str | Path, model: str | Model | None, limits: Limits, workers: int
) -> AsyncIterator[Service]:
    """A service for the library at ``where``, which is made if need be, with ``workers`` processes for queries.

    When it ends nothing of it is left: no process, no temporary file. Raises BadInput as `Library.open` does.
    """
    folder = Path(tempfile.mkdtemp(prefix="earmark-"))
    library = Library.open(where, model)
    make_folder(kept_in(where))
    catalogue = Catalogue(library, kept_in(where), limits)

    def pool(name: str, count: int, niceness: int = 0, warm: bool = False) -> Pool:
        setup = Setup(str(where), model, str(folder), limits.worker_memory_bytes, niceness, warm)
        return Pool(name, [Worker(setup) for _ in range(count)], limits.waiting, limits.waiting_of_one)

    searching = pool("searching", workers, warm=True)
    adding, showing = pool("adding", 1, NICENESS_OF_ADDING), pool("showing", 1)
    pools = (searching, adding, showing)
    sessions = Sessions(folder, limits, pools)
    live_sessions = LiveSessions(where, model)
    metrics = Metrics(pools, sessions, live_sessions)
    practising = Practising(catalogue, adding, searching, limits, kept_in(where))
    service = Service(catalogue, sessions, searching, adding, showing, live_sessions, practising, limits, metrics)
    tasks = [asyncio.create_task(work) for work in (*(pool.run() for pool in pools), sessions.sweep(), tidy(catalogue))]
    try:
        yield service
    finally:
        for one in pools:
            one.stop()
        await sessions.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(live_sessions.close)
        catalogue.close()
        shutil.rmtree(folder, ignore_errors=True)


async def tidy(catalogue: Catalogue) -> None:
    """Lets go, until cancelled, of files that no piece and no client needs any more."""
    while True:
        await asyncio.to_thread(catalogue.tidy)
        await asyncio.sleep(TIDY_S)


def default_workers() -> int:
    """One for each core, at least two, so that one long recording does not keep all others waiting."""
    return max(2, os.cpu_count() or 2)


def _service(call: HTTPConnection) -> Service:
    service: Service = call.app.state.service
    return service


def _client(call: HTTPConnection) -> queue.Client:
    """Who asks, for taking turns."""
    return queue.Client(network_of(call.client.host if call.client else ""), call.headers.get(CLIENT_HEADER, ""))


InService = Annotated[Service, Depends(_service)]
Client = Annotated[queue.Client, Depends(_client)]
