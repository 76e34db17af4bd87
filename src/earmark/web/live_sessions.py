"""Live sessions: what they share, a library that is opened when the first one begins, and their answers as JSON."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from earmark.library.library import Library
from earmark.library.live import Heard, Listener
from earmark.model.encoders import Model
from earmark.web.protocol import pieces_json


class LiveSessions:
    """The live sessions of a server, ``count`` at present; they take turns in a thread of their own."""

    def __init__(self, where: str | Path, model: str | Model) -> None:
        self.count = 0
        self._where, self._model = where, model
        self._library: Library | None = None
        self._thread = ThreadPoolExecutor(1, "live")

    async def answer(
        self, listener: Listener | None, rate: int, pcm: bytes, reset: bool
    ) -> tuple[Listener, dict[str, Any]]:
        """Gives a session's listener, a new one if it is None, more sound; the listener and the message for the client.

        ``pcm`` is 16-bit little-endian samples. Raises as `Library.find` does.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._answer, listener, rate, pcm, reset)

    def _answer(self, listener: Listener | None, rate: int, pcm: bytes, reset: bool) -> tuple[Listener, dict[str, Any]]:
        if self._library is None:
            self._library = Library.open(self._where, self._model)
        if listener is None:
            listener = Listener(self._library, rate)
        if reset:
            listener.forget()
        if pcm:
            listener.hear(np.frombuffer(pcm, "<i2").astype(np.int16))
        return listener, _update_json(self._library, listener.answer())

    def close(self) -> None:
        """Ends the use of the library; waits for the answer that is being made."""
        self._thread.shutdown(cancel_futures=True)
        if self._library is not None:
            self._library.close()


def _update_json(library: Library, heard: Heard) -> dict[str, Any]:
    hits = [asdict(replace(hit, source=os.path.basename(hit.source))) for hit in heard.hits]
    return {
        "type": "update",
        "heard_s": heard.heard_s,
        "level": heard.level,
        "confident": heard.confident,
        "said": heard.said,
        "why": heard.why,
        "hits": hits,
        "pieces": pieces_json(library.store, [hit.piece_id for hit in heard.hits]),
        "place": asdict(heard.now) if heard.now else None,
    }
