"""The messages between server and worker processes, and the JSON of a piece that both write into answers.

A worker is sent pickled `Task`s. What it says is never unpickled, since it reads files that nobody vouches for: every
message is a letter and then JSON, or bytes as they are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from earmark.store.store import Piece, Store
from earmark.web.errors import STATUS, Refusal

READY, PROGRESS, ANSWER, REFUSAL, LAST = b"r", b"p", b"a", b"e", b"l"
"""`LAST` is a refusal after which the process ends."""


@dataclass(frozen=True)
class Task:
    """The name of a function of `earmark.web.tasks.TASKS`, and its arguments."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """``done`` 0..1, None while unknown; ``heard_s`` seconds of sound heard so far."""

    done: float | None = None
    heard_s: float = 0.0


@dataclass(frozen=True)
class Answer:
    """``value`` is JSON's; ``content`` a picture's or other file's bytes, if the task makes one."""

    value: dict[str, Any] = field(default_factory=dict)
    content: bytes = b""


def piece_json(piece: Piece) -> dict[str, Any]:
    """The fields of `earmark.web.models.Piece`; ``source`` without its folder, which is this machine's business.

    Not beside them: what opens foreign files shall not load Pydantic.
    """
    return {
        "id": piece.id,
        "name": piece.name,
        "kind": piece.kind,
        "title": piece.title or None,
        "composer": piece.composer or None,
        "source": os.path.basename(piece.source),
        "added_at": piece.added_at,
        "pages": piece.pages,
        "systems": piece.systems,
        "note": piece.note,
        "tags": list(piece.tags),
        "bookmarks": [asdict(one) for one in piece.bookmarks],
    }


def pieces_json(store: Store, identifiers: Iterable[int]) -> dict[str, dict[str, Any]]:
    """`piece_json` by name of these pieces, as far as they are still there."""
    found = {}
    for identifier in identifiers:
        with suppress(KeyError):
            piece = store.piece(identifier)
            found[piece.name] = piece_json(piece)
    return found


def write_progress(progress: Progress) -> bytes:
    return PROGRESS + json.dumps(asdict(progress)).encode()


def read_progress(body: bytes) -> Progress:
    """Raises ValueError, or its relatives, when it is none."""
    stated = json.loads(body)
    done = stated["done"]
    return Progress(None if done is None else float(done), float(stated["heard_s"]))


def write_answer(answer: Answer) -> bytes:
    value = json.dumps(answer.value).encode()
    return ANSWER + len(value).to_bytes(8, "big") + value + answer.content


def read_answer(body: bytes) -> Answer:
    """Raises ValueError when it is none."""
    size = int.from_bytes(body[:8], "big")
    return Answer(dict(json.loads(body[8 : 8 + size])), body[8 + size :])


def write_refusal(refusal: Refusal, kind: bytes = REFUSAL) -> bytes:
    return kind + json.dumps(refusal.to_dict()).encode()


def read_refusal(body: bytes) -> Refusal:
    """Raises ValueError, or its relatives, when it is none."""
    stated = json.loads(body)
    if stated["kind"] not in STATUS:
        raise ValueError(stated["kind"])
    return Refusal(str(stated["kind"]), str(stated["what"]), str(stated["remedy"]))
