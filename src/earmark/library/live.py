"""Listening while music is played: sound as it comes → ranking, and the place that is being played now.

An excerpt is centred in a window of 8.4 s, but the encoder understands it nearly as well when only the first
`AHEAD_S` after its centre are there and the rest is silence (85 % of the excerpts of unseen pieces found their place
among all of their piece's with 1 s, 88 % with the whole window, 75 % with 0.6 s). So an excerpt is read, once, when it
is that old; the place now is further along the path through the piece, as fast as it went last.

No threads, no clock, no devices: `Listener.hear` takes sound, `Listener.answer` says what it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt

from earmark.audio.spectrogram import spectrogram
from earmark.embed.recording import sounding
from earmark.embed.windows import PLACE_HOP_PX, QUERY_HOP_FRAMES, centres_between
from earmark.library.answers import page_hits
from earmark.library.library import Library
from earmark.library.verdict import NOTHING, verdict
from earmark.results import Hit, Place, Said
from earmark.schema import AudioSpec, Box
from earmark.search.index import Neighbours
from earmark.search.path import FASTEST_PX_PER_S
from earmark.search.query import Query
from earmark.search.rank import NEIGHBOURS, propose

AHEAD_S = 1.0
REMEMBERED_S = 20.0
"""Sound that has a say: longer is surer, shorter follows sooner into the next piece."""
SPEED_S = 4.0
"""The end of the path that tells how fast it goes."""
LEVEL_S = 0.5
SPEC = AudioSpec()
PCM = npt.NDArray[np.int16]


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
    """One session of listening to mono sound of ``rate_hz`` samples per second."""

    def __init__(self, library: Library, rate_hz: int) -> None:
        self._library = library
        self._rate_hz = rate_hz
        self._resampler = av.AudioResampler(format="fltp", layout="mono", rate=SPEC.sample_rate_hz)
        self._samples = np.zeros(0, np.float32)
        self._start = 0  # which sample of the session the first one kept is
        self._next = QUERY_HOP_FRAMES / 2  # the centre of the next excerpt to read, in frames
        self._embeddings = np.zeros((0, library.model.dimension), np.float32)
        self._times_s = np.zeros(0)
        self._neighbours: Neighbours | None = None
        self._piece: tuple[int, list[Place]] | None = None

    @property
    def heard_s(self) -> float:
        """Seconds of sound heard so far."""
        return (self._start + len(self._samples)) / SPEC.sample_rate_hz

    def hear(self, pcm: PCM) -> None:
        """Takes the next samples, int16 [n], n > 0."""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm)[None], format="s16", layout="mono")
        frame.sample_rate = self._rate_hz
        parts = [part.to_ndarray()[0] for part in self._resampler.resample(frame)]
        self._samples = np.concatenate([self._samples, *parts])

    def forget(self) -> None:
        """Begins anew, as with a new piece; the time goes on."""
        self._embeddings, self._times_s, self._neighbours = self._embeddings[:0], self._times_s[:0], None
        cells = np.ceil(self.heard_s * SPEC.frames_per_second / QUERY_HOP_FRAMES)
        self._next = float(cells + 0.5) * QUERY_HOP_FRAMES

    def answer(self, top: int = 5) -> Heard:
        """What has been heard so far; raises as `Library.find` does."""
        self._read()
        self._drop()
        latest = self._samples[-round(LEVEL_S * SPEC.sample_rate_hz) :]
        level = round(float(np.sqrt(np.mean(latest**2))), 4) if len(latest) else 0.0
        heard_s = round(self.heard_s, 3)
        if not len(self._times_s):
            return Heard(heard_s, level, **vars(NOTHING), hits=(), now=None)
        try:
            return self._answered(heard_s, level, top)
        except KeyError:  # a piece was removed, or others came: look everything up again
            self._neighbours = self._piece = None
            return self._answered(heard_s, level, top)

    def _answered(self, heard_s: float, level: float, top: int) -> Heard:
        query, calibration = Query(self._embeddings, self._times_s), self._library.model.calibration
        pieces = self._library.store.embeddings(propose(self._known_neighbours()))
        ranked = query.rank(pieces, "score", calibration, top)
        hits = page_hits(self._library.store, ranked, query)
        said = verdict(ranked[0], calibration.pages.sure, hits, heard_s) if ranked else NOTHING
        now = self._now(ranked[0].piece, ranked[0].path, heard_s) if said.confident else None
        return Heard(heard_s, level, **vars(said), hits=hits, now=now)

    def _read(self) -> None:
        """Embeds the excerpts that have become old enough."""
        rate = SPEC.frames_per_second
        centres = centres_between(self._next, (self.heard_s - AHEAD_S) * rate, QUERY_HOP_FRAMES)
        if not len(centres):
            return
        self._next = float(centres[-1]) + QUERY_HOP_FRAMES
        first = round(self._start / SPEC.hop_size)
        frames = spectrogram(self._samples)
        centres = centres[sounding(frames, centres - first, SPEC.window_frames)]
        embeddings, _ = self._library.model.embed_audio(frames, centres - first)
        self._embeddings = np.concatenate([self._embeddings, embeddings])
        self._times_s = np.concatenate([self._times_s, centres / rate])

    def _drop(self) -> None:
        """Lets go of sound and excerpts that have no say any more."""
        # In frames, of which two are a whole number of samples; the first of a spectrogram is not whole.
        needed = int(self._next - SPEC.window_frames / 2 - 1) // 2 * 2
        past = max(0, round(needed * SPEC.hop_size) - self._start)
        self._samples, self._start = self._samples[past:], self._start + past
        old = int(np.searchsorted(self._times_s, self.heard_s - REMEMBERED_S))
        if old:
            self._times_s, self._embeddings = self._times_s[old:], self._embeddings[old:]
            if self._neighbours is not None:
                self._neighbours = _rows(self._neighbours, old)

    def _known_neighbours(self) -> Neighbours:
        """The neighbours of all excerpts; only new ones are looked up."""
        known = self._neighbours
        count = 0 if known is None else len(known.similarities)
        if count < len(self._embeddings):
            new = self._library.store.nearest(self._embeddings[count:], NEIGHBOURS)
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
        places = self._piece[1]
        ahead = speed(path, self._times_s) * (heard_s - float(self._times_s[-1]))
        at = min(max(0.0, float(path[-1]) + ahead), len(places) - 1.0)
        place, following = places[int(at)], places[min(int(at) + 1, len(places) - 1)]
        x = (place.box[0] + place.box[2]) / 2
        if (following.page, following.system) == (place.page, place.system):
            x += (at - int(at)) * ((following.box[0] + following.box[2]) / 2 - x)
        return Now(heard_s, piece, place.page, place.system, round(x, 5), place.box)


def speed(path: npt.NDArray[np.int64], times_s: npt.NDArray[np.float64]) -> float:
    """Places per second at the end of a path: the median over all pairs of its last `SPEED_S`, since its last jump."""
    recent = int(np.searchsorted(times_s, times_s[-1] - SPEED_S))
    reach = FASTEST_PX_PER_S / PLACE_HOP_PX
    steps, gaps_s = np.diff(path[recent:]), np.diff(times_s[recent:])
    jumps = np.flatnonzero((steps < 0) | (steps > np.ceil(gaps_s * reach)))
    start = recent + (int(jumps[-1]) + 1 if len(jumps) else 0)
    places, moments_s = path[start:], times_s[start:]
    if len(places) < 2:
        return 0.0
    one, other = np.triu_indices(len(places), 1)
    return float(np.median((places[other] - places[one]) / (moments_s[other] - moments_s[one])))


def _rows(neighbours: Neighbours, start: int) -> Neighbours:
    return Neighbours(neighbours.similarities[start:], neighbours.pieces[start:], neighbours.places[start:])


def _joined(one: Neighbours, other: Neighbours) -> Neighbours:
    return Neighbours(
        np.concatenate([one.similarities, other.similarities]),
        np.concatenate([one.pieces, other.pieces]),
        np.concatenate([one.places, other.places]),
    )
