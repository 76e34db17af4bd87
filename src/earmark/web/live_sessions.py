"""The live sessions' library, shared and opened when the first one begins."""

from __future__ import annotations

import os
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from earmark.library.library import Library
from earmark.library.live import Heard, Listener
from earmark.model.encoders import Model
from earmark.web.entries import entry


class Listening:
    """Sessions take turns; `heard` may be called in any thread."""

    def __init__(self, where: Path, model: str | Model) -> None:
        self.sessions = 0
        self._where, self._model = where, model
        self._library: Library | None = None
        self._lock = threading.Lock()

    def heard(self, listener: Listener | None, rate: int, pcm: bytes, reset: bool) -> tuple[Listener, dict[str, Any]]:
        """Lets a session's listener, a new one if it is None, hear more; the message for the client.

        ``pcm`` is 16-bit little-endian samples. Raises as `Library.find` does.
        """
        with self._lock:
            if self._library is None:
                self._library = Library.open(self._where, self._model)
            if listener is None:
                listener = Listener(self._library, rate)
            if reset:
                listener.forget()
            if pcm:
                listener.hear(np.frombuffer(pcm, "<i2").astype(np.int16))
            return listener, self._told(self._library, listener.answer())

    def close(self) -> None:
        """Ends the use of the library."""
        with self._lock:
            if self._library is not None:
                self._library.close()

    def _told(self, library: Library, heard: Heard) -> dict[str, Any]:
        hits = [asdict(replace(hit, source=os.path.basename(hit.source))) for hit in heard.hits]
        named = {hit.piece for hit in heard.hits}
        return {
            "type": "update",
            "heard_s": heard.heard_s,
            "level": heard.level,
            "confident": heard.confident,
            "hits": hits,
            "pieces": {piece.name: entry(piece) for piece in library.pieces() if piece.name in named} if named else {},
            "place": asdict(heard.now) if heard.now else None,
        }
