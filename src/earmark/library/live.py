"""Listening while music is played: sound as it comes → ranking, and the place that is being played now.

Excerpts are made by `earmark.library.live_excerpts`. An excerpt is read when it is some time old; the place now is
further along the path through the piece, as fast as it went last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.answers.hits import page_hits
from earmark.answers.verdict import NOTHING, verdict
from earmark.embed.windows import PLACE_HOP_PX
from earmark.library.library import Library
from earmark.library.live_excerpts import PCM, LiveExcerpts
from earmark.results.findings import Hit
from earmark.results.places import Place, Said
from earmark.schema import Box, FloatArray
from earmark.search.index import Neighbours
from earmark.search.query import Query
from earmark.search.rank import NEIGHBOURS, propose
from earmark.search.tracker import Tracker, place_at

PLAYED = 0.01
"""Evidence, in units of cosine, that music of the piece that is followed has at least, on average of a few seconds,
wrong notes and stops among them; talking has none."""


@dataclass(frozen=True)
class Now:
    """The place that is played at ``time_s``, seconds since listening began.

    ``x`` is in fractions of the page's width; ``box`` is the snippet around it. ``piece`` is the library's identifier.
    """

    time_s: float
    piece: int
    page: int
    system: int
    x: float
    box: Box


@dataclass(frozen=True)
class Heard:
    """What has been understood ``heard_s`` seconds after listening began; ``level`` is the loudness (RMS, 0..1).

    The hits are those of ``earmark find``, and so are ``confident``, ``said`` and ``why``; ``now`` is None while
    nothing is sure.
    """

    heard_s: float
    level: float
    confident: bool
    said: Said
    why: str
    hits: tuple[Hit, ...]
    now: Now | None


class Listener:
    """One session of listening to mono sound of ``rate_hz`` samples per second.

    The music sounds ``semitones`` lower than it is printed, as on a transposing instrument.
    """

    def __init__(self, library: Library, rate_hz: int, semitones: int = 0) -> None:
        self.excerpts = LiveExcerpts(library.model, rate_hz, semitones)
        self._library = library
        self._neighbours: Neighbours | None = None
        self._piece: tuple[int, list[Place]] | None = None

    def hear(self, pcm: PCM) -> None:
        """Takes the next samples, int16 [n], n > 0."""
        self.excerpts.hear(pcm)

    def forget(self) -> None:
        """Begins anew, as with a new piece; the time goes on."""
        self.excerpts.forget()
        self._neighbours = None

    def answer(self, top: int = 5) -> Heard:
        """What has been heard so far; raises as `Library.find` does."""
        old = self.excerpts.read()
        if old and self._neighbours is not None:
            self._neighbours = _rows(self._neighbours, old)
        level, heard_s = self.excerpts.level, round(self.excerpts.heard_s, 3)
        if not len(self.excerpts.times_s):
            return Heard(heard_s, level, **vars(NOTHING), hits=(), now=None)
        try:
            return self._answered(heard_s, level, top)
        except KeyError:  # a piece was removed, or others came: look everything up again
            self._neighbours = self._piece = None
            return self._answered(heard_s, level, top)

    def _answered(self, heard_s: float, level: float, top: int) -> Heard:
        query, calibration = Query(self.excerpts.embeddings, self.excerpts.times_s), self._library.model.calibration
        pieces = self._library.store.embeddings(propose(self._known_neighbours()))
        ranked = query.rank(pieces, "score", calibration, top)
        hits = page_hits(self._library.store, ranked, query)
        said = verdict(ranked[0], hits, heard_s) if ranked else NOTHING
        now = self._now(ranked[0].piece, ranked[0].path, heard_s) if said.confident else None
        return Heard(heard_s, level, **vars(said), hits=hits, now=now)

    def _known_neighbours(self) -> Neighbours:
        """The neighbours of all excerpts; only new ones are looked up."""
        known, embeddings = self._neighbours, self.excerpts.embeddings
        count = 0 if known is None else len(known.similarities)
        if count < len(embeddings):
            new = self._library.store.nearest(embeddings[count:], NEIGHBOURS)
            if known is None:
                self._neighbours = new
            elif known.similarities.shape[1] != new.similarities.shape[1]:
                raise KeyError("the library has changed")
            else:
                self._neighbours = _joined(known, new)
        assert self._neighbours is not None
        return self._neighbours

    def _now(self, piece: int, path: npt.NDArray[np.int64], heard_s: float) -> Now:
        if self._piece is None or self._piece[0] != piece:
            self._piece = piece, list(self._library.store.contents(piece)[0])
        return _now(heard_s, piece, self._piece[1], place_at(heard_s, path, self.excerpts.times_s, PLACE_HOP_PX))


@dataclass(frozen=True)
class Followed:
    """Where the piece that is followed is played ``heard_s`` seconds after listening began; ``level`` is the loudness
    (RMS, 0..1). ``now`` is None while what is heard is not the piece."""

    heard_s: float
    level: float
    now: Now | None


class Follower:
    """One session of following the piece of a library with this identifier, by its ``excerpts``.

    Those that are there already have a say. It is likely to begin on ``page``. Raises KeyError when there is no such
    piece of sheet music.
    """

    def __init__(self, library: Library, excerpts: LiveExcerpts, piece: int, page: int = 1) -> None:
        self.excerpts = excerpts
        self._piece = piece
        self._background = library.model.calibration.backgrounds["score"]
        self._places: Sequence[Place]
        self._sheet: FloatArray
        self._places, self._sheet = library.store.contents(piece)
        if not self._places:
            raise KeyError(piece)
        self._tracker = Tracker(np.array([place.page == page for place in self._places]), PLACE_HOP_PX)
        self._known = 0

    def hear(self, pcm: PCM) -> None:
        """Takes the next samples, int16 [n], n > 0."""
        self.excerpts.hear(pcm)

    def answer(self) -> Followed:
        """Where the piece is now."""
        self._known -= self.excerpts.read()
        heard = self.excerpts
        new, times_s, rests = heard.embeddings[self._known :], heard.times_s[self._known :], heard.rests[self._known :]
        self._known = len(heard.times_s)
        evidence = np.maximum(new @ self._sheet.T - self._background.levels(new)[:, None], np.float32(0.0))
        for row, time_s, is_rest in zip(evidence, times_s.tolist(), rests, strict=True):
            if is_rest:
                self._tracker.rest()
            else:
                self._tracker.hear(row, time_s)
        heard_s = round(self.excerpts.heard_s, 3)
        is_played = self._tracker.evidence >= PLAYED
        now = _now(heard_s, self._piece, self._places, self._tracker.at(heard_s)) if is_played else None
        return Followed(heard_s, self.excerpts.level, now)


def _now(heard_s: float, piece: int, places: Sequence[Place], at: float) -> Now:
    """What is at a place with its fraction."""
    at = min(max(0.0, at), len(places) - 1.0)
    place, following = places[int(at)], places[min(int(at) + 1, len(places) - 1)]
    x = (place.box[0] + place.box[2]) / 2
    if (following.page, following.system) == (place.page, place.system):
        x += (at - int(at)) * ((following.box[0] + following.box[2]) / 2 - x)
    return Now(heard_s, piece, place.page, place.system, round(x, 5), place.box)


def _rows(neighbours: Neighbours, start: int) -> Neighbours:
    return Neighbours(neighbours.similarities[start:], neighbours.pieces[start:], neighbours.places[start:])


def _joined(one: Neighbours, other: Neighbours) -> Neighbours:
    return Neighbours(
        np.concatenate([one.similarities, other.similarities]),
        np.concatenate([one.pieces, other.pieces]),
        np.concatenate([one.places, other.places]),
    )
