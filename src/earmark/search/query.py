"""A query: a recording, a MIDI file or sheet music → excerpts, in the order they are played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.embed.piece import EmbeddedPiece
from earmark.embed.recording import EmbeddedRecording
from earmark.embed.windows import PLACE_HOP_PX, QUERY_HOP_FRAMES
from earmark.model.calibration import Calibration, Confidence
from earmark.results.places import Kind, Place
from earmark.schema import AudioSpec, FloatArray
from earmark.search.follow import PACES, follow_pieces
from earmark.search.rank import Ranked, rank

MOST_EXCERPTS = 600
"""Excerpts that vote: all of two and a half minutes or of a page, evenly spread ones of longer queries."""
_STEPS: dict[Kind, float] = {
    "score": PLACE_HOP_PX,
    "recording": QUERY_HOP_FRAMES / AudioSpec().frames_per_second,
}


@dataclass(frozen=True)
class Query:
    """Excerpts ``embeddings`` float32 [n, dimension] at ``positions`` float64 [n], ascending.

    Positions are seconds of the file for a recording, ``duration_s`` long; of sheet music, ``pages`` many, they are
    strip px, and ``places`` [n] say where that is. The fields of the other kind are 0 and empty. ``remarks`` say what
    was amiss with the file, a clause each.
    """

    embeddings: FloatArray
    positions: npt.NDArray[np.float64]
    duration_s: float = 0.0
    pages: int | None = None
    places: tuple[Place, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """Whether it is sheet music or a recording."""
        return "recording" if self.pages is None else "score"

    def rank(self, pieces: Mapping[int, FloatArray], kind: Kind, calibration: Calibration, top: int) -> list[Ranked]:
        """The ``top`` of ``pieces``, all of one kind, best first: see `earmark.search.rank`."""
        if not pieces or not len(self.positions):
            return []
        background, pace = calibration.backgrounds[kind], PACES[self.kind, kind]
        levels = background.levels(self.embeddings)
        followed = follow_pieces(self.embeddings, self.positions, levels, pieces, _STEPS[kind], pace)
        return rank(followed, self.positions, pieces, background, self.confidence(kind, calibration), top, pace)

    def confidence(self, kind: Kind, calibration: Calibration) -> Confidence:
        """What of a model's calibration applies among pieces of this kind."""
        if (self.kind, kind) == ("score", "recording"):
            return calibration.recordings or calibration.pages
        return calibration.pages

    def where(self, excerpt: int) -> tuple[float | None, Place | None]:
        """The time of an excerpt, or its place; the other is None."""
        if self.pages is None:
            return round(float(self.positions[excerpt]), 3), None
        return None, self.places[excerpt]

    def heard_s(self, start: int, end: int) -> tuple[float, float] | None:
        """From when to when the excerpts ``start`` to ``end`` (not included) are heard; None for sheet music."""
        if self.pages is not None:
            return None
        first, last = (round(float(self.positions[i]), 3) for i in (start, end - 1))
        return first, last


def query_of_pages(piece: EmbeddedPiece) -> Query:
    """The query that sheet music is."""
    chosen = spread(len(piece.embeddings))
    places = tuple(piece.places[i] for i in chosen)
    positions = chosen.astype(np.float64) * PLACE_HOP_PX
    return Query(piece.embeddings[chosen], positions, pages=len(piece.pages), places=places, remarks=piece.remarks)


def query_of(recording: EmbeddedRecording, start_s: float = 0.0) -> Query:
    """The query that a recording is; its times count from ``start_s``."""
    chosen = spread(len(recording.embeddings))
    return Query(
        recording.embeddings[chosen],
        start_s + recording.times_s[chosen],
        recording.duration_s,
        remarks=recording.remarks,
    )


def spread(count: int, most: int = MOST_EXCERPTS) -> npt.NDArray[np.int64]:
    """Which of ``count`` excerpts vote, ``most`` of them at most."""
    if not count:
        return np.zeros(0, np.int64)
    return np.unique(np.linspace(0, count - 1, most).round().astype(np.int64))
