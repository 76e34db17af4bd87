"""The route to listen live, a WebSocket: samples of the client's microphone in, ranking or place out.

Bare samples need no decoding, so that they are searched in the server's own process.
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Query, WebSocket
from pydantic import TypeAdapter, ValidationError
from starlette.websockets import WebSocketDisconnect

from earmark.errors import EarmarkError
from earmark.library.live import Follower, Listener
from earmark.results.keys import KEYS
from earmark.web.api.responses import API
from earmark.web.errors import Refusal, explain
from earmark.web.live_sessions import Follow, Forget, Sound
from earmark.web.models import LiveWish
from earmark.web.service import InService, Service

EVERY_S = 0.4
MOST_HELD_S = 5.0
LONGEST_TEXT = 100
BROKEN, FULL = 1008, 1013

_WISHES: TypeAdapter[LiveWish] = TypeAdapter(LiveWish)

router = APIRouter(prefix=API)


@router.websocket("/live")
async def live(
    socket: WebSocket,
    service: InService,
    rate: Annotated[int, Query(ge=8000, le=96_000)],
    semitones: Annotated[int, Query(ge=min(KEYS), le=max(KEYS))] = 0,
) -> None:
    """Binary messages are 16-bit little-endian mono samples, ``rate`` a second; answers are JSON.

    ``semitones`` is by how many the music sounds lower than it is printed, 2 on an instrument in B flat.
    ``{"type": "follow", "piece": ID, "page": 1}`` asks to follow a piece from now on, ``{"type": "reset"}`` to listen
    for any piece anew.
    """
    await socket.accept()
    if service.live_sessions.count >= service.limits.live_sessions:
        refusal = Refusal("busy", "others are listening already", "try again when they have stopped")
        await _refuse(socket, refusal, FULL)
        return
    service.live_sessions.count += 1
    try:
        async with asyncio.timeout(service.limits.live_s), asyncio.TaskGroup() as group:
            session = Session(service, Sound(rate, semitones))
            answering = group.create_task(session.answer(socket))
            await session.receive(socket)
            answering.cancel()
    except* WebSocketDisconnect:
        pass
    except* Refusal as refused:
        refusal = next(error for error in refused.exceptions if isinstance(error, Refusal))
        await _refuse(socket, refusal, BROKEN)
    except* TimeoutError:
        await _refuse(socket, Refusal("too_long", "listening has gone on for long", "begin again"), BROKEN)
    finally:
        service.live_sessions.count -= 1


class Session:
    """One client's samples and answers."""

    def __init__(self, service: Service, sound: Sound) -> None:
        self._service, self._sound = service, sound
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._wish: Follow | Forget | None = None
        self._came = asyncio.Event()

    async def receive(self, socket: WebSocket) -> None:
        """Takes messages until the client goes; raises Refusal when it does not keep to the protocol."""
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("bytes"):
                self._waiting.append(message["bytes"])
                self._waiting_bytes += len(message["bytes"])
            else:
                self._wish = _wish(message.get("text") or "")
                if isinstance(self._wish, Forget):
                    self._take_waiting()
            if len(message.get("bytes") or b"") % 2 or self._waiting_bytes > 2 * self._sound.rate_hz * MOST_HELD_S:
                raise Refusal("bad_request", "samples are cut in two, or come too fast", "send them as they are played")
            self._came.set()

    async def answer(self, socket: WebSocket) -> None:
        """Sends an answer when there is more sound, but not more often than each `EVERY_S`."""
        hearing: Listener | Follower | None = None
        while True:
            await self._came.wait()
            self._came.clear()
            start = time.monotonic()
            pcm = self._take_waiting()
            wish, self._wish = self._wish, None
            try:
                hearing, update = await self._service.live_sessions.answer(hearing, self._sound, pcm, wish)
            except EarmarkError as error:
                raise explain(error, "the sound") from error
            try:
                await socket.send_json(update)
            except RuntimeError as error:  # how the HTTP library says that it has hung up on a client that is silent
                raise WebSocketDisconnect from error
            await asyncio.sleep(max(0.0, start + EVERY_S - time.monotonic()))

    def _take_waiting(self) -> bytes:
        pcm, self._waiting, self._waiting_bytes = b"".join(self._waiting), [], 0
        return pcm


def _wish(text: str) -> Follow | Forget:
    """What a client asks for; raises Refusal when it is nothing that can be."""
    try:
        asked = _WISHES.validate_json(text if len(text) < LONGEST_TEXT else "")
    except ValidationError:
        raise Refusal("bad_request", "the message is none of the protocol's", "send samples, or a wish") from None
    return Forget() if asked.type == "reset" else Follow(asked.piece, asked.page)


async def _refuse(socket: WebSocket, refusal: Refusal, code: int) -> None:
    try:
        await socket.send_json({"type": "error", "error": refusal.to_dict()})
        await socket.close(code)
    except (WebSocketDisconnect, RuntimeError):  # it is gone already
        pass
