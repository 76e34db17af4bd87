"""What a library is to the rest of the package: its nouns, and what any engine that holds one has to provide.

`earmark.store.embedded` is the engine on this machine, `earmark.store.milvus` the one on others.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from earmark.errors import BadInput, Mismatch
from earmark.results.links import Link
from earmark.results.places import Kind, Place
from earmark.schema import FloatArray, Page
from earmark.search.index import Neighbours
from earmark.sources.on_disk import PageFile, Score

UPLOADS, DOWNLOADS, UNPACKED, FETCHED = "uploads", "iiif", "unpacked", "fetched"
"""The folders in a library's: scores that came through the browser; a folder of images for each manifest; a folder for
each ZIP archive; what was fetched from an object store, which may be removed at any time."""
PENDING = ".pending"


class LibraryUnusable(BadInput):
    """The library itself, not something given to it, cannot be read or written."""


class LibraryAway(LibraryUnusable):
    """The library does not answer now; the same may go well another time."""


class LibraryFull(LibraryUnusable):
    """The disk has no room for more."""


class LibraryDamaged(LibraryUnusable):
    """What is stored is not what was put; see `earmark.store.verify`."""


@dataclass(frozen=True)
class Bookmark:
    """A place that a person wants to come back to: a page, or a system of it; ``text`` is what they wrote there."""

    page: int
    system: int | None = None
    text: str = ""


@dataclass(frozen=True)
class Piece:
    """What a library knows about one piece; ``added_at`` is UTC, ISO 8601; pages, systems and places are counts.

    A recording has no pages and no systems; its places are its excerpts. ``note``, ``tags`` and ``bookmarks`` are
    what a person wrote about it and into it; they stay when its file changes.
    """

    id: int
    name: str
    source: str
    sha256: str
    added_at: str
    pages: int
    systems: int
    places: int
    kind: Kind = "score"
    title: str = ""
    composer: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    bookmarks: tuple[Bookmark, ...] = ()


@dataclass(frozen=True)
class Edit:
    """What a person sets of a piece; what is None stays as it is, and so does the name where it is empty."""

    name: str | None = None
    title: str | None = None
    composer: str | None = None
    note: str | None = None
    tags: tuple[str, ...] | None = None
    bookmarks: tuple[Bookmark, ...] | None = None

    def of(self, piece: Piece) -> Piece:
        """The piece as it is then."""
        fields = ("title", "composer", "note", "tags", "bookmarks")
        given: dict[str, Any] = {field: getattr(self, field) for field in fields}
        changed = {field: value for field, value in given.items() if value is not None}
        return replace(piece, name=self.name or piece.name, **changed)

    @property
    def told(self) -> set[str]:
        """Which of title and composer are set: what the file says of them does not count any more."""
        return {field for field in ("title", "composer") if getattr(self, field) is not None}


class Store(Protocol):
    """Where a library lives: all that an engine has to provide (see `earmark.store.location.open_store`).

    Every method raises LibraryUnusable when the library cannot be read or written, and its LibraryDamaged when what it
    would answer is not what was put.
    """

    @property
    def model_id(self) -> str | None:
        """The model_id whose embeddings the library holds, None while it holds none."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """All reads within are of one moment, whatever other processes write meanwhile; nobody waits for it."""
        ...

    def pieces(self) -> list[Piece]:
        """All pieces, by name: for lists of them. What is done with a few pieces asks for those."""
        ...

    def piece(self, identifier: int) -> Piece:
        """One piece; raises KeyError if there is none of this identifier."""
        ...

    def some(self, identifiers: Sequence[int]) -> list[Piece]:
        """Those of these pieces that are there, in the order given."""
        ...

    def with_source(self, source: str) -> Piece | None:
        """The piece that was added from this path."""
        ...

    def named(self, name: str) -> Piece | None:
        """The piece of this name."""
        ...

    def of_file(self, source: str) -> list[Piece]:
        """The piece that was added from this path and those of its parts (see `earmark.sources.on_disk.whole_file`)."""
        ...

    def with_content(self, sha256: str) -> Piece | None:
        """A piece whose files have this checksum (see `earmark.sources.on_disk.sha256`)."""
        ...

    def files(self, piece: Piece) -> tuple[PageFile, ...]:
        """What a piece was read from, in page order."""
        ...

    def edited(self, piece: Piece) -> Set[str]:
        """What of ``title`` and ``composer`` a person has set."""
        ...

    def pages(self, piece: int) -> list[Page]:
        """A piece's pages, in order."""
        ...

    def thumbnail(self, piece: int) -> bytes | None:
        """A small PNG of a piece's first page; None if none is kept."""
        ...

    def put(
        self,
        score: Score,
        sha256: str,
        pages: Sequence[Page],
        places: Sequence[Place],
        embeddings: FloatArray,
        model_id: str,
        thumbnail: bytes = b"",
    ) -> Piece:
        """Adds a piece, whole and for good, instead of the one with the same source if there is one.

        ``embeddings`` float32 [n, dimension] of unit length, one per place; ``model_id`` is of the model that made
        them; ``thumbnail`` a small PNG of the first page, b"" for none. The name is the score's, with a number if
        another piece has it. Raises Mismatch if the library
        holds embeddings of another model.
        """
        ...

    def put_recording(
        self, score: Score, sha256: str, times_s: npt.NDArray[np.float64], embeddings: FloatArray, model_id: str
    ) -> Piece:
        """The same for a recording: ``times_s`` float64 [n] are its excerpts' times, in order."""
        ...

    def relocate(self, piece: Piece, score: Score) -> Piece:
        """Notes that a piece's files, equal in content, are now the score's; KeyError if it was removed meanwhile."""
        ...

    def edit(self, piece: Piece, edit: Edit) -> Piece:
        """Sets what an edit says of a piece, for good: it stays when its file changes.

        Raises BadInput when another piece has the name, KeyError if the piece was removed meanwhile.
        """
        ...

    def remove(self, pieces: Sequence[Piece]) -> None:
        """Removes all these pieces, or, if that fails, none."""
        ...

    def nearest(self, embeddings: FloatArray, k: int, kind: Kind = "score") -> Neighbours:
        """The ``k`` places (fewer if there are not as many) of all pieces of one kind most similar to each of
        ``embeddings`` [n, dimension].

        It proposes pieces: it may miss some places and give as many fewer, and name pieces that are on their way in or
        out (see `some`).
        """
        ...

    def settle(self) -> None:
        """Prepares what makes searching fast, which may take minutes where very much is new; to be called when all that
        is to be added has been."""
        ...

    def embeddings(self, pieces: Sequence[int]) -> dict[int, FloatArray]:
        """All embeddings of each of these pieces, float32 [n, dimension], in the order of `Neighbours.places`: what
        is ranked is read whole, however few of its places were the nearest. Pieces that are not there are left out.
        """
        ...

    def place(self, piece: int, ordinal: int) -> Place:
        """One of a score's places, by its ordinal in `Neighbours`."""
        ...

    def time_s(self, piece: int, ordinal: int) -> float:
        """When one of a recording's excerpts is, by its ordinal in `Neighbours`."""
        ...

    def contents(self, piece: int) -> tuple[list[Place], FloatArray]:
        """All of a score's places in playing order, and their embeddings, float32 [n, dimension].

        Raises KeyError if there is no score of this identifier.
        """
        ...

    def excerpts(self, piece: int) -> tuple[npt.NDArray[np.float64], FloatArray]:
        """All of a recording's excerpts: their times, float64 [n], and their embeddings, float32 [n, dimension].

        Raises KeyError if there is no recording of this identifier.
        """
        ...

    def links(self) -> list[Link]:
        """Which pieces have been found to belong together, by identifiers; two may be found by both of them, the surer
        link comes first then."""
        ...

    def unlinked(self) -> list[int]:
        """The pieces that are still to be held against all others, by identifier: new ones, and those of which a piece
        that was found is gone."""
        ...

    def put_links(self, asker: int, links: Sequence[Link]) -> None:
        """Notes all that was found when this piece, one of the two of each link, was held against all others.

        It takes the place of what was found so before. Names are not looked at.

        What concerns a piece that was removed meanwhile is left out.
        """
        ...

    def forget_links(self, pieces: Sequence[int]) -> None:
        """These pieces are to be held against all others again, since there are new ones."""
        ...

    def close(self) -> None: ...


def pending_mark(path: Path) -> Path:
    """The empty file that lies beside one of `UPLOADS` for as long as a server may still need it or remove it."""
    return path.with_name(f".{path.name}{PENDING}")


def check_model(where: str | Path, stored: str | None, model_id: str) -> None:
    """Raises Mismatch when a library's embeddings are of another model; None (no embeddings yet) matches any.

    A model_id ends in the checksum of its encoders: the same encoders under another name are the same model.
    """
    if stored is not None and stored.rpartition("-")[2] != model_id.rpartition("-")[2]:
        raise Mismatch(
            f"{where}: was made with the model {stored}, not {model_id}; "
            "use that model (--model), or add the music to a new library"
        )
