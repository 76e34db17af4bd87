"""A piece with all that a library holds of it, to be put back, or into another library, without reading it anew."""

from __future__ import annotations

import os
from collections.abc import Callable, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.errors import BadInput
from earmark.results.places import Place
from earmark.schema import FloatArray, Page
from earmark.sources.object_store import ObjectStore, whole_content
from earmark.sources.on_disk import PageFile, Score, sha256
from earmark.store.store import Bookmark, Edit, LibraryUnusable, Piece, Store


@dataclass(frozen=True)
class Whole:
    """All that a library holds of a piece; of a recording, ``places`` are the times of its excerpts, seconds."""

    score: Score
    sha256: str
    pages: tuple[Page, ...]
    places: tuple[Place, ...] | npt.NDArray[np.float64]
    embeddings: FloatArray
    model_id: str
    edited: Set[str]
    note: str
    tags: tuple[str, ...]
    bookmarks: tuple[Bookmark, ...]
    thumbnail: bytes


def read_whole(store: Store, piece: Piece) -> Whole:
    """All of one piece. Raises KeyError when it is not there any more."""
    with store.snapshot():
        score = Score(piece.name, piece.source, store.files(piece), piece.kind, piece.title, piece.composer)
        places: tuple[Place, ...] | npt.NDArray[np.float64]
        if piece.kind == "score":
            found, embeddings = store.contents(piece.id)
            places = tuple(found)
        else:
            places, embeddings = store.excerpts(piece.id)
        pages, edited = tuple(store.pages(piece.id)), store.edited(piece)
        written = (piece.note, piece.tags, piece.bookmarks, store.thumbnail(piece.id) or b"")
        return Whole(score, piece.sha256, pages, places, embeddings, store.model_id or "", edited, *written)


def take_out(store: Store, piece: Piece) -> Whole:
    """Removes one piece. Raises KeyError when it is not there any more."""
    whole = read_whole(store, piece)
    store.remove([piece])
    return whole


def put_whole(store: Store, whole: Whole) -> Piece:
    """Adds a piece as it was, but under a new identifier; raises Mismatch as `Store.put` does."""
    score, places, embeddings = whole.score, whole.places, whole.embeddings
    if isinstance(places, tuple):
        piece = store.put(score, whole.sha256, whole.pages, places, embeddings, whole.model_id, whole.thumbnail)
    else:
        piece = store.put_recording(score, whole.sha256, places, embeddings, whole.model_id)
    written = (whole.note, whole.tags, whole.bookmarks)
    if not whole.edited and (piece.note, piece.tags, piece.bookmarks) == written:
        return piece
    title, composer = (value if name in whole.edited else None for name, value in _settable(score).items())
    return store.edit(piece, Edit(None, title, composer, *written))


def copy_pieces(source: Store, to: Store, report: Callable[[Piece, bool, int, int], None]) -> None:
    """Puts all pieces of one library into another that has not got them yet, whatever engines hold them.

    ``report(piece, is_new, done, total)`` is called for each. One that was put is there for good; a second run goes on.
    In the end the other library settles. Files of this machine are put where others fetch them, if there is such a
    place (`earmark.sources.object_store`).
    Raises Mismatch when the other library is of another model.
    """
    pieces, kept = source.pieces(), ObjectStore.given()
    for done, piece in enumerate(pieces, start=1):
        if kept:
            _keep_unchanged(kept, piece.sha256, source.files(piece))
        there = to.with_source(piece.source)
        is_new = there is None or _told(there, to) != _told(piece, source)
        if is_new:
            try:
                put_whole(to, read_whole(source, piece))
            except KeyError:  # removed meanwhile
                continue
        report(piece, is_new, done, len(pieces))
    to.settle()


def keep_files(kept: ObjectStore, content: str, files: tuple[PageFile, ...]) -> None:
    """Puts the files of a piece of this content where other machines fetch them; raises LibraryUnusable when they
    cannot be put there."""
    try:
        kept.put(content, files)
    except BadInput as error:  # others would fail, too
        raise LibraryUnusable(error.path, error.what, error.remedy) from error


def _keep_unchanged(kept: ObjectStore, content: str, files: tuple[PageFile, ...]) -> None:
    """The same of files that are here, and are still what was added."""
    here = all(os.path.isfile(file.path) for file in files)
    if here and sha256(Score("", "", files)) == whole_content(content):
        keep_files(kept, content, files)


def _told(piece: Piece, store: Store) -> tuple[object, ...]:
    """What tells a piece that is there already from a newer one."""
    return piece.sha256, store.edited(piece), piece.note, piece.tags, piece.bookmarks


def _settable(score: Score) -> dict[str, str]:
    return {"title": score.title, "composer": score.composer}
