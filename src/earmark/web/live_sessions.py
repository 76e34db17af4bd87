"""Live sessions: what they share, a library that is opened when the first one begins, and their answers as JSON."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from earmark.library.library import Library
from earmark.library.live import Followed, Follower, Heard, Listener
from earmark.model.encoders import Model
from earmark.web.errors import Refusal
from earmark.web.protocol import pieces_json


@dataclass(frozen=True)
class Sound:
    """Samples, ``rate_hz`` a second, of music that sounds ``semitones`` lower than it is printed."""

    rate_hz: int
    semitones: int


@dataclass(frozen=True)
class Follow:
    """That a piece is to be followed from now on, which is likely to be played from ``page``."""

    piece: int
    page: int


class Forget:
    """That what was heard is to be forgotten, and any piece to be listened for."""


class LiveSessions:
    """The live sessions of a server, ``count`` at present; they take turns in a thread of their own."""

    def __init__(self, where: str | Path, model: str | Model | None) -> None:
        self.count = 0
        self._where, self._model = where, model
        self._library: Library | None = None
        self._thread = ThreadPoolExecutor(1, "live")

    async def answer(
        self, hearing: Listener | Follower | None, sound: Sound, pcm: bytes, wish: Follow | Forget | None
    ) -> tuple[Listener | Follower, dict[str, Any]]:
        """Gives what hears for a session, a new listener if it is None, more sound.

        Returns what hears from now on, as the client wishes, and the message for the client. ``pcm`` is 16-bit
        little-endian samples. Raises as `Library.find` does, and Refusal, not_found, for a piece that is not there.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._answer, hearing, sound, pcm, wish)

    def _answer(
        self, hearing: Listener | Follower | None, sound: Sound, pcm: bytes, wish: Follow | Forget | None
    ) -> tuple[Listener | Follower, dict[str, Any]]:
        if self._library is None:
            self._library = Library.open(self._where, self._model)
        if hearing is None or isinstance(wish, Forget):
            hearing = Listener(self._library, sound.rate_hz, sound.semitones)
        if isinstance(wish, Follow):
            try:
                hearing = Follower(self._library, hearing.excerpts, wish.piece, wish.page)
            except KeyError:
                raise Refusal("not_found", "there is no such piece in the library", "see what there is") from None
        if pcm:
            hearing.hear(np.frombuffer(pcm, "<i2").astype(np.int16))
        if isinstance(hearing, Follower):
            return hearing, _place_json(hearing.answer())
        return hearing, _update_json(self._library, hearing.answer())

    def close(self) -> None:
        """Ends the use of the library; waits for the answer that is being made."""
        self._thread.shutdown(cancel_futures=True)
        if self._library is not None:
            self._library.close()


def _place_json(followed: Followed) -> dict[str, Any]:
    place = asdict(followed.now) if followed.now else None
    return {"type": "place", "heard_s": followed.heard_s, "level": followed.level, "place": place}


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
