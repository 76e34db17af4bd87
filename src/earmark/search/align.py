"""A whole recording along one piece: excerpts and places → where the music is at every moment. Pure functions.

1. **Following.** The best path of all excerpts through all places of the piece (`search.follow`): forward at any speed
   up to ``FASTEST_PX_PER_S``, so no tempo has to be known or constant, and anywhere else (a repeat, a da capo, a
   skipped bar) at ``JUMP_COST``. An excerpt that fits nowhere in particular (silence, applause) says nothing: there
   the path may stand. It begins and ends anywhere. Then once more with at most ``AT_MOST`` times the usual speed of
   the first path: slow music that comes twice on the page would else be raced through where it fits a little better.
2. **Sharpening.** The position is the mean of the strip px within ``NEAR_PX`` of the path, weighted by
   ``exp(SHARPNESS * similarity)``, with similarities interpolated between places; between jumps it never falls. That is
   finer than the distance of two places.
3. **Stopping.** A path leads through the piece whatever is heard. Where the excerpts are not like the places on it,
   the music is not the piece, and there are no points (`earmark.search.stretches`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from earmark.results.alignment import STEP_S, Mark
from earmark.schema import FloatArray, IntArray
from earmark.search.path import BLOCK, Rows, follow
from earmark.search.stretches import decide
from earmark.search.track import Track

FASTEST_PX_PER_S = 400.0
"""Strip px; more than `search` allows, so that quick music gets over the clefs of the next system in time."""
AT_MOST = 4.0
"""Times the usual speed: note values in one piece, so many px for so long, differ by as much."""
USUAL_EXCERPTS = 16
"""Over which a speed is taken, a few seconds."""
JUMP_COST = 4.0
"""In units of cosine; a jump pays after a few seconds."""
BACKGROUND = 0.25
"""Share of a piece's places that count as near to an excerpt; the farthest of them is its background."""
NEAR_PX = 12.0
FINE_PX = 2.0
SHARPNESS = 20.0
"""How far, how closely and how sharply positions beside the path are weighed."""
LONGEST_WAIT_S = 1.0
"""Of the silence between two excerpts, what the music may have moved on in."""
SHORTEST_GAP_S = 5.0
"""What is shorter is a wrong note, or the edge of a recording that was cut out of the piece."""
PLAYED, UNLIKE = 0.02, 0.05
"""As in `earmark.search.stretches`, but this piece is said to be there, so it may fit less. Of performances of the
validation pieces at 0.55 to 1.5 of the tempo, 97 to 100 % of the excerpts are then in the piece, and none of the other
validation pieces around them."""
TRUST_EXCERPTS = 17
"""Excerpts, a few per second, that a point's confidence is the mean of."""

Floats = npt.NDArray[np.float64]


def align(
    audio: FloatArray, times_s: Floats, duration_s: float, sheet: FloatArray, track: Track, background: FloatArray
) -> tuple[Mark, ...]:
    """The points of an alignment, every ``STEP_S`` from 0 to ``duration_s`` while the piece is played.

    ``audio`` float32 [n, dimension] are the recording's excerpts at ``times_s`` float64 [n], ascending; ``sheet``
    float32 [m, dimension] the piece's places along ``track``; all of unit length. ``background`` float32 [n] is the
    similarity that each excerpt seldom has to other music.
    """
    if len(audio) == 0:
        return ()

    def evidence(rows: slice) -> FloatArray:
        return _evidence(audio[rows] @ sheet.T)

    waits = np.minimum(np.diff(times_s), LONGEST_WAIT_S) / track.hop_px
    reach = np.ceil(FASTEST_PX_PER_S * waits).astype(np.int64)
    _, path = follow(evidence, reach, JUMP_COST)
    usual = _usual_px_per_s(path, times_s, track.hop_px)
    reach = np.ceil(min(FASTEST_PX_PER_S, AT_MOST * usual) * waits).astype(np.int64)
    _, path = follow(evidence, reach, JUMP_COST)
    steps = np.diff(path)
    bounds = [0, *(np.flatnonzero((steps < 0) | (steps > reach)) + 1).tolist(), len(path)]
    parts = [slice(start, stop) for start, stop in pairwise(bounds)]
    sharp = _sharpened(audio, sheet, path, track.hop_px)
    strip_px = np.concatenate([np.maximum.accumulate(sharp[part]) for part in parts])
    marks = _marks(times_s, strip_px, _confidences(evidence, path), parts, duration_s, track)
    near = np.stack([path - 1, path, path + 1]).clip(0, len(sheet) - 1)
    similarities = np.stack([np.einsum("nd,nd->n", audio, sheet[places]) for places in near]).max(axis=0)
    return _while_played(marks, times_s, np.maximum(similarities - background, np.float32(0)), duration_s)


def _while_played(
    marks: tuple[Mark, ...], times_s: Floats, evidence: FloatArray, duration_s: float
) -> tuple[Mark, ...]:
    """The marks at whose time the piece is played, by the evidence float32 [n] on its path."""
    bounds_s = [0.0, *((times_s[1:] + times_s[:-1]) / 2).tolist(), duration_s + STEP_S]
    heard = decide([(0, evidence)], np.ones(len(times_s), np.bool_), PLAYED, UNLIKE)
    gaps = [(bounds_s[one.start], bounds_s[one.end]) for one in heard if one.piece is None]
    gaps = [(start_s, end_s) for start_s, end_s in gaps if end_s - start_s >= SHORTEST_GAP_S or len(heard) == 1]
    return tuple(mark for mark in marks if not any(start_s <= mark.time_s < end_s for start_s, end_s in gaps))


def _evidence(similarities: FloatArray) -> FloatArray:
    """Similarity above the excerpt's background, float32 [n, m], 0 where there is none."""
    near = max(1, round(BACKGROUND * similarities.shape[1]))
    background = np.partition(similarities, -near, axis=1)[:, -near, None]
    above: FloatArray = np.maximum(similarities - background, np.float32(0))
    return above


def _usual_px_per_s(path: IntArray, times_s: Floats, hop_px: float) -> float:
    """The median speed wherever the path moves forward; the fastest there is where it never does."""
    moved = (path[USUAL_EXCERPTS:] - path[:-USUAL_EXCERPTS]) * hop_px
    speeds = moved / (times_s[USUAL_EXCERPTS:] - times_s[:-USUAL_EXCERPTS])
    forward = speeds[(speeds > 0) & (speeds < FASTEST_PX_PER_S)]
    return float(np.median(forward)) if len(forward) else FASTEST_PX_PER_S


def _sharpened(audio: FloatArray, sheet: FloatArray, path: IntArray, hop_px: float) -> Floats:
    """Strip px per excerpt, float64 [n]."""
    offsets = np.arange(-NEAR_PX, NEAR_PX + FINE_PX / 2, FINE_PX)
    candidates = (path[:, None] + 0.5) * hop_px + offsets
    similarities = np.stack([_between(audio, sheet, column / hop_px - 0.5) for column in candidates.T], axis=1)
    weights = np.exp(SHARPNESS * (similarities - similarities.max(axis=1, keepdims=True)))
    sharp: Floats = (weights * candidates).sum(axis=1) / weights.sum(axis=1)
    return sharp


def _between(audio: FloatArray, sheet: FloatArray, places: Floats) -> Floats:
    """Similarity of each excerpt to the place, a fraction, at the same index; float64 [n]."""
    at = np.clip(places, 0, len(sheet) - 1)
    below = at.astype(np.int64)
    above = np.minimum(below + 1, len(sheet) - 1)
    rest = at - below
    low, high = (np.einsum("nd,nd->n", audio, sheet[index]) for index in (below, above))
    between: Floats = low * (1 - rest) + high * rest
    return between


def _confidences(evidence: Rows, path: IntArray) -> Floats:
    """How much of each excerpt's best evidence lies on the path, 0..1, the mean over ``TRUST_EXCERPTS``."""
    shares = np.zeros(len(path))
    for start in range(0, len(path), BLOCK):
        rows = evidence(slice(start, start + BLOCK))
        at = path[start : start + BLOCK]
        near = np.stack([at - 1, at, at + 1]).clip(0, rows.shape[1] - 1)
        own, best = rows[np.arange(len(rows)), near].max(axis=0), rows.max(axis=1)
        shares[start : start + BLOCK] = np.divide(own, best, out=np.zeros_like(own), where=best > 0)
    window = np.ones(min(TRUST_EXCERPTS, len(path)))
    mean: Floats = np.convolve(shares, window, "same") / np.convolve(np.ones(len(path)), window, "same")
    return mean


def _marks(
    times_s: Floats, strip_px: Floats, confidences: Floats, parts: Sequence[slice], duration_s: float, track: Track
) -> tuple[Mark, ...]:
    """Excerpts → points at regular times; between two parts the mark jumps half-way."""
    grid_s = np.arange(int(duration_s / STEP_S) + 1) * STEP_S
    turns_s = [(times_s[part.start - 1] + times_s[part.start]) / 2 for part in parts[1:]]
    grid_px = np.concatenate(
        [
            np.interp(moments, times_s[part], strip_px[part])
            for part, moments in zip(parts, np.split(grid_s, np.searchsorted(grid_s, turns_s)), strict=True)
        ]
    )
    pages, systems, x = track.at(grid_px)
    rows = zip(
        grid_s.round(3).tolist(),
        pages.tolist(),
        systems.tolist(),
        x.round(5).tolist(),
        grid_px.round(2).tolist(),
        np.interp(grid_s, times_s, confidences).round(3).tolist(),
        track.measures(grid_px),
        track.beats(grid_px),
        strict=True,
    )
    return tuple(Mark(*row) for row in rows)
