"""What a library is on a Milvus server: rows of pieces, of what they hold, and of their places, which are searched.

A library ``NAME`` is three kinds of collections (https://milvus.io/docs):

* ``NAME_pieces``: a row a piece, with its `State`; what is looked up is there as a number (`number_of`), for filters
  hold no text of other people's; everything else is JSON in ``told``
* ``NAME_contents``: embeddings and places, `CHUNK` of them a row, in the order in which they are played
* ``NAME_places_MODEL``: a row a place, of one model's embeddings: the index, of which only identifiers are read

A row of the last two is called ``piece << BITS | number``, so that all is found by its identifier. Milvus wants a
vector in every row: where there is none to be searched it is `NO_VECTOR`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import zlib
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from earmark.results.links import Link
from earmark.results.places import Place
from earmark.schema import FloatArray, Page
from earmark.sources.on_disk import PageFile, whole_file
from earmark.store.store import Bookmark, LibraryUnusable, Piece

BITS = 20
"""Of a row's identifier, for its number in the piece; the others are the piece's, which JavaScript can count, too."""
CHUNK = 256
LONGEST = 65_535
"""Bytes of a text in Milvus."""
NO_VECTOR = [0.0, 0.0]
NUMBERS = ("source", "file", "name", "content", "model")
FIELDS = ["state", "written_ns", "told"]


class State(IntEnum):
    """Of a piece's row. Only what is `THERE` is in the library; the rest is on its way."""

    COMING = 0
    THERE = 1
    GOING = 2


@dataclass(frozen=True)
class Row:
    """A piece's row; ``written_ns`` is when it was first written, ``edited`` what a person has set of it.

    ``links`` are what was found when the piece was held against all others, without names; None: it was not yet.
    """

    piece: Piece
    state: State
    written_ns: int
    model_id: str
    files: tuple[PageFile, ...]
    pages: tuple[Page, ...]
    edited: tuple[str, ...] = ()
    links: tuple[Link, ...] | None = None

    @property
    def age(self) -> tuple[int, int]:
        """What is less for the older of two pieces; no two have the same."""
        return self.written_ns, self.piece.id

    def stored(self, where: str) -> dict[str, Any]:
        """The row as Milvus takes it; raises LibraryUnusable when it is too long."""
        told = {
            "piece": asdict(self.piece) | {"source": elsewhere(self.piece.source)},
            "model_id": self.model_id,
            "files": [(elsewhere(file.path), file.size, file.mtime_ns) for file in self.files],
            "pages": [astuple(page) for page in self.pages],
            "edited": self.edited,
            "links": None if self.links is None else [asdict(one) for one in self.links],
        }
        return {
            "id": self.piece.id,
            "state": int(self.state),
            "written_ns": self.written_ns,
            "source": number_of(elsewhere(self.piece.source)),
            "file": number_of(elsewhere(whole_file(self.piece.source))),
            "name": number_of(self.piece.name),
            "content": number_of(self.piece.sha256),
            "model": number_of(model_of(self.model_id)),
            "told": _packed(told, where, self.piece.name),
            "vector": NO_VECTOR,
        }

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Row:
        """What `stored` wrote."""
        told = _unpacked(stored["told"])
        known = told["piece"]
        marks = tuple(Bookmark(**one) for one in known.get("bookmarks", ()))
        written = {"tags": tuple(known.get("tags", ())), "bookmarks": marks}
        piece = Piece(**known | {"source": here(known["source"])} | written)
        files = tuple(PageFile(here(path), size, mtime_ns) for path, size, mtime_ns in told["files"])
        pages = tuple(Page(*page) for page in told["pages"])
        state, edited = State(stored["state"]), tuple(told["edited"])
        links = None if told["links"] is None else tuple(_link(**one) for one in told["links"])
        return cls(piece, state, stored["written_ns"], told["model_id"], files, pages, edited, links)


@dataclass(frozen=True)
class Contents:
    """A piece's places, or the times of its excerpts, and their embeddings, float32 [n, dimension]."""

    places: list[Place] | list[float]
    embeddings: FloatArray

    def stored(self, piece: Piece, where: str) -> list[dict[str, Any]]:
        """The rows of what a piece holds; raises LibraryUnusable when that is too long."""
        halves = self.embeddings.astype("<f2")
        if len(halves) > 1 << BITS:
            raise LibraryUnusable(where, f"holds no piece as long as {piece.name!r}", "split it")
        return [
            {
                "id": piece.id << BITS | number,
                "places": _packed(list(map(_told, self.places[start : start + CHUNK])), where, piece.name),
                "embeddings": base64.b64encode(halves[start : start + CHUNK].tobytes()).decode(),
                "vector": NO_VECTOR,
            }
            for number, start in enumerate(range(0, len(halves), CHUNK))
        ]

    @classmethod
    def read(cls, piece: Piece, stored: Mapping[int, dict[str, Any]]) -> Contents | None:
        """What `stored` gave, from rows by their identifiers; None if one of them is missing."""
        chunks = [stored[identifier] for identifier in content_ids(piece) if identifier in stored]
        if len(chunks) < len(content_ids(piece)):
            return None
        told = [place for chunk in chunks for place in _unpacked(chunk["places"])]
        halves = b"".join(base64.b64decode(chunk["embeddings"]) for chunk in chunks)
        embeddings = np.frombuffer(halves, "<f2").reshape(piece.places, -1).astype(np.float32)
        return cls([_place(one) for one in told] if piece.kind == "score" else told, embeddings)


def content_ids(piece: Piece) -> list[int]:
    """The identifiers of the rows of what a piece holds."""
    return [piece.id << BITS | number for number in range(-(-piece.places // CHUNK))]


def place_ids(piece: Piece) -> list[int]:
    """The identifiers of the rows of a piece's places."""
    return [piece.id << BITS | number for number in range(piece.places)]


def number_of(text: str) -> int:
    """A number for a text, int64: equal texts have equal ones, and others nearly always have others."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little", signed=True)


def model_of(model_id: str) -> str:
    """What of a model's identifier tells its encoders from others: their checksum."""
    return model_id.rpartition("-")[2]


def elsewhere(path: str) -> str:
    """A path of this machine as others may know it: with the machine's name (RFC 8089). Addresses stay."""
    return f"file://{socket.gethostname()}/{path.removeprefix('/')}" if os.path.isabs(path) else path


def here(name: str) -> str:
    """What `elsewhere` was given, if it was on this machine; else the name as it is."""
    own = f"file://{socket.gethostname()}/"
    if not name.startswith(own):
        return name
    return name.removeprefix(own) if os.name == "nt" else f"/{name.removeprefix(own)}"


def _told(place: Place | float) -> Any:
    """A place or a time as JSON, as precise as `earmark.store.tables` keeps it."""
    if not isinstance(place, Place):
        return float(np.float32(place))
    box = [round(float(np.float32(value)), 5) for value in place.box]
    return place.page, place.system, box, place.measure, place.beat


def _place(told: Any) -> Place:
    page, system, box, *rest = told  # what earlier versions wrote ends with the measure
    return Place(page, system, tuple(box), *rest)


def _link(heard_s: list[list[float]], **told: Any) -> Link:
    return Link(**told, heard_s=tuple((start_s, end_s) for start_s, end_s in heard_s))


def _packed(value: Any, where: str, name: str) -> str:
    text = base64.b64encode(zlib.compress(json.dumps(value, separators=(",", ":")).encode())).decode()
    if len(text) > LONGEST:
        raise LibraryUnusable(where, f"takes no piece with as much to be told of it as {name!r}", "split it")
    return text


def _unpacked(text: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(text)))
