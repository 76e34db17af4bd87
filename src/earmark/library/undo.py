"""A piece taken out of a library with all that is needed to put it back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.library.sources import Score
from earmark.library.store import Piece, Store
from earmark.results import Place
from earmark.schema import FloatArray, Page


@dataclass(frozen=True)
class Removed:
    """All that a library held of a piece; of a recording, ``places`` are the times of its excerpts, seconds."""

    score: Score
    sha256: str
    pages: tuple[Page, ...]
    places: tuple[Place, ...] | npt.NDArray[np.float64]
    embeddings: FloatArray
    model_id: str


def take_out(store: Store, piece: Piece) -> Removed:
    """Removes one piece. Raises KeyError when it is not there any more."""
    with store.snapshot():
        score = Score(piece.name, piece.source, store.files(piece), piece.kind, piece.title, piece.composer)
        places: tuple[Place, ...] | npt.NDArray[np.float64]
        if piece.kind == "score":
            found, embeddings = store.contents(piece.id)
            places = tuple(found)
        else:
            places, embeddings = store.excerpts(piece.id)
        pages = tuple(store.pages(piece.id))
        removed = Removed(score, piece.sha256, pages, places, embeddings, store.model_id or "")
    store.remove([piece])
    return removed


def put_back(store: Store, removed: Removed) -> Piece:
    """Adds what `take_out` took, as it was, but under a new identifier; raises Mismatch as `Store.put` does."""
    score, places, embeddings = removed.score, removed.places, removed.embeddings
    if isinstance(places, tuple):
        return store.put(score, removed.sha256, removed.pages, places, embeddings, removed.model_id)
    return store.put_recording(score, removed.sha256, places, embeddings, removed.model_id)
