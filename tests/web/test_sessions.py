"""Who may upload while all places are taken: addresses share them, and the slowest makes room."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from earmark.web.errors import Refusal
from earmark.web.limits import Limits
from earmark.web.sessions import Sessions

LIMITS = replace(Limits(), uploads=3, uploads_of_one=2, upload_grace_s=60.0, upload_bytes_per_s=0.001, spare_bytes=0)
Story = Callable[[Sessions, "Clients"], Awaitable[None]]


class Clients:
    """Uploads of some bytes that then go on for ever, by the name of their address and a number."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.tasks: dict[str, asyncio.Task[Any]] = {}

    async def begin(self, name: str, size: int) -> None:
        sent = iter([{"type": "http.request", "body": bytes(size), "more_body": True}])

        async def receive() -> Any:
            return next(sent, None) or await asyncio.Event().wait()

        scope = {"type": "http", "headers": [], "client": (name.partition("/")[0], 1)}
        self.tasks[name] = asyncio.create_task(self.sessions.receive(Request(scope, receive), 1000))
        await turns()

    def under_way(self) -> set[str]:
        return {name for name, task in self.tasks.items() if not task.done()}

    def refused(self, name: str) -> str:
        with pytest.raises(Refusal) as refused:
            self.tasks[name].result()
        assert refused.value.kind == "busy"
        return refused.value.what


async def turns() -> None:
    """As many as it takes until every upload has done all that it can."""
    for _ in range(100):
        await asyncio.sleep(0)


def have_had_their_grace(sessions: Sessions) -> None:
    for upload in sessions._uploads:
        upload.began -= 100


def tell(story: Story, folder: Path) -> None:
    async def run() -> None:
        sessions = Sessions(folder, LIMITS, [])
        clients = Clients(sessions)
        await story(sessions, clients)
        for task in clients.tasks.values():
            task.cancel()
        await asyncio.gather(*clients.tasks.values(), return_exceptions=True)
        assert sessions.kept_bytes == 0
        assert list(folder.iterdir()) == []

    asyncio.run(run())


def test_the_slowest_loses_its_place_when_many_addresses_hold_all(tmp_path: Path) -> None:
    async def story(sessions: Sessions, clients: Clients) -> None:
        for name, size in (("a/1", 30), ("b/1", 10), ("c/1", 20)):
            await clients.begin(name, size)
        await clients.begin("d/1", 5)
        assert clients.refused("d/1") == "too many files are being uploaded"  # nobody has had the grace
        have_had_their_grace(sessions)
        await clients.begin("d/2", 5)
        assert clients.under_way() == {"a/1", "c/1", "d/2"}
        assert "the slowest" in clients.refused("b/1")
        assert sessions.kept_bytes == 55

    tell(story, tmp_path)


def test_who_has_most_places_loses_one_however_fast_and_takes_none_of_others(tmp_path: Path) -> None:
    async def story(sessions: Sessions, clients: Clients) -> None:
        for name, size in (("a/1", 30), ("a/2", 20), ("b/1", 1)):
            await clients.begin(name, size)
        have_had_their_grace(sessions)
        await clients.begin("c/1", 5)
        assert clients.under_way() == {"a/1", "b/1", "c/1"}
        await clients.begin("a/3", 50)  # who has as many as anybody gets no more
        assert clients.refused("a/3") == "too many files are being uploaded"
        assert clients.under_way() == {"a/1", "b/1", "c/1"}

    tell(story, tmp_path)
