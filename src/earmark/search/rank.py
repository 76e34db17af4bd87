"""Neighbours of many excerpts → ranked pieces, and the best place in each. Pure functions of arrays.

A query is ``n`` excerpts of one recording, a few per second. For each, the store returns the ``k`` nearest
places of the whole library. What makes a piece right is not one near place but many that move forward with
the recording:

1. **Evidence.** A neighbour counts with ``similarity - background``, where the excerpt's background is its
   k-th similarity (an excerpt that is near everything says nothing: Radovanović et al. 2010 call such points
   hubs), but at least ``Calibration.floor``, so that a library of one page has a background too. A place that
   is not among the k nearest counts 0, and so does an excerpt that was not understood.
2. **Votes.** A piece's vote is the sum over the excerpts of its best evidence (the paper's piece
   identification, Section 5, with soft votes), less the toll of step 4. It is an upper bound of what that step
   finds, so only the pieces with most votes go on.
3. **Following.** Within a piece the places are ordered as they are played. Of all paths through them the best is
   found (Viterbi): from one excerpt to the next the place stays or moves forward, at most at
   ``FASTEST_PX_PER_S``; any other jump (repeat, da capo, a wrong note) costs ``JUMP_COST``. Tempo is free
   within the bound, so no tempo has to be known or constant. Two pieces that share a chord share votes, not a
   path.
4. **Stretch.** A long query need not be one piece throughout: there is talking, applause, the next piece. Every
   excerpt costs a toll, and the pieces are ranked by the most that a stretch of their path is worth (Smith and Waterman
   1981, along one path). What is said about a piece is about that stretch. The longer the query, the more looks like
   something somewhere by chance, in proportion to the logarithm of its length: so does the toll grow. Up to 10 s there
   is none: a constant toll of the right size for two minutes of applause (0.04 to 0.08 of cosine) takes from short
   clips in loud babble what little evidence they have.
5. **Agreement.** Evidence may add up from many places that are each a little near. How many of the excerpts have the
   nearest place of all on the path tells such a sum from music that is there.
6. **Place.** The answer is the point of the stretch with most evidence within ``SUPPORT_S`` around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.model.calibration import Calibration
from earmark.results import Kind
from earmark.schema import FloatArray, IntArray
from earmark.search.index import Neighbours
from earmark.search.path import FASTEST_PX_PER_S, JUMP_COST, follow

NEIGHBOURS = 500
"""Neighbours per excerpt: ten pieces with the same phrase in five places, ten embeddings around each."""
CANDIDATES = 32
"""Pieces that are followed, those with most votes."""
SLOWEST_PX_PER_S = 8.0
"""Minims at 40 to the minute take about 12."""
TOLL = 0.015
"""What an excerpt costs, in units of cosine, per ``ln(excerpts / TOLL_FREE)``."""
TOLL_FREE = 40
"""Excerpts of a query that costs nothing: ten seconds of sound."""
SUPPORT_S = 2.0
"""Half the width of the window in which a place must be supported, in seconds."""
NEAR_PLACES = 3
"""A place at most this far from the path is on it: 24 strip px, the width of two noteheads."""


@dataclass(frozen=True)
class Ranked:
    """One piece of the answer: ``place`` is its best place's ordinal, ``excerpt`` the excerpt that found it.

    The piece is heard in the excerpts ``start`` to ``end`` (not included). Of these, ``score`` is the mean evidence per
    excerpt along the path, less jumps (cosine units, at most 1); ``margin`` is the score minus the best of any other
    piece in the same excerpts (0 if there is none); ``agreement``, 0..1, is the share of the excerpts whose nearest
    place of the whole library is on the path.
    """

    piece: int
    place: int
    excerpt: int
    start: int
    end: int
    score: float
    margin: float
    agreement: float
    confidence: float


@dataclass(frozen=True)
class Pace:
    """How a query runs against the places: ``fastest``, by how much a place may move forward per unit of the query,
    and ``support``, half the width of the window (in units of the query) in which a place must be supported. The
    unit is the second on a recording's side and the strip px on sheet music's."""

    fastest: float
    support: float


PACES: dict[tuple[Kind, Kind], Pace] = {
    ("recording", "score"): Pace(FASTEST_PX_PER_S, SUPPORT_S),
    ("score", "score"): Pace(2.5, 100.0),
    ("score", "recording"): Pace(1 / SLOWEST_PX_PER_S, 100.0),
    ("recording", "recording"): Pace(2.5, SUPPORT_S),
}
"""By the kinds of the query and of the piece. Another edition's notes are at most two and a half times as far apart,
another recording at most two and a half times as slow; sheet music is supported by two snippets to each side."""
DEFAULT_PACE = PACES["recording", "score"]


@dataclass(frozen=True)
class _Followed:
    """The best path through a piece: ``path`` int64 [n], the place's ordinal per excerpt, the ``evidence`` [n] on it,
    and ``gains`` [n], the same less jumps. The excerpts ``start`` to ``end`` are worth most: ``worth`` in all."""

    piece: int
    path: IntArray
    evidence: FloatArray
    gains: FloatArray
    worth: float
    start: int
    end: int

    def mean(self, start: int, end: int) -> float:
        """Mean gain per excerpt of a stretch."""
        return float(self.gains[start:end].mean())


def rank(
    neighbours: Neighbours,
    times_s: npt.NDArray[np.float64],
    place_hop_px: float,
    calibration: Calibration,
    top: int,
    pace: Pace = DEFAULT_PACE,
) -> list[Ranked]:
    """The ``top`` pieces, best first; fewer if fewer have any evidence, none if no excerpt has.

    ``times_s`` float64 [n], ascending, are the excerpts' times in the recording; places are ``place_hop_px`` apart.
    Where the query is sheet music or recordings are sought, px stand for seconds or seconds for px, as ``pace`` says.
    """
    if len(times_s) != len(neighbours.similarities):
        raise ValueError(f"{len(times_s)} times for {len(neighbours.similarities)} excerpts")
    if neighbours.similarities.size == 0:
        return []
    evidence = _evidence(neighbours.similarities, calibration.floor)
    reach = _reach(times_s, place_hop_px, pace.fastest)
    toll = TOLL * max(0.0, float(np.log(len(times_s) / TOLL_FREE)))
    candidates = _candidates(evidence, neighbours.pieces, toll)
    followed = [_followed(evidence, neighbours, int(piece), reach, toll) for piece in candidates]
    followed.sort(key=lambda found: (-found.worth, found.piece))
    ranked: list[Ranked] = []
    for i, found in enumerate(followed[:top]):
        start, end = found.start, found.end
        rivals = [other.mean(start, end) for other in (*followed[:i], *followed[i + 1 :])]
        score = found.mean(start, end)
        margin = score - max(rivals) if rivals else 0.0
        agreement = _agreement(evidence, neighbours, found)
        excerpt = start + _best_supported(found.evidence[start:end], times_s[start:end], pace.support)
        place = int(found.path[excerpt])
        surest = ranked[-1].confidence if ranked else 1.0  # a piece is no surer than one that fits better
        confidence = min(surest, calibration.confidence(score, margin, agreement, end - start, len(times_s)))
        ranked.append(Ranked(found.piece, place, excerpt, start, end, score, margin, agreement, confidence))
    return ranked


def path_through(
    neighbours: Neighbours,
    times_s: npt.NDArray[np.float64],
    place_hop_px: float,
    calibration: Calibration,
    piece: int,
) -> IntArray:
    """The best path through one piece, which some neighbour is of: its place's ordinal per excerpt, int64 [n]."""
    evidence = _evidence(neighbours.similarities, calibration.floor)
    grid, first_place = _grid(evidence, neighbours, piece)
    return first_place + follow(grid.__getitem__, _reach(times_s, place_hop_px, DEFAULT_PACE.fastest))[1]


def _reach(times_s: npt.NDArray[np.float64], place_hop_px: float, fastest: float) -> IntArray:
    """How many places the music may move on from each excerpt to the next."""
    reach: IntArray = np.ceil(np.diff(times_s) * fastest / place_hop_px).astype(np.int64)
    return reach


def _evidence(similarities: FloatArray, floor: float) -> FloatArray:
    """Similarity above the excerpt's background, float32 [n, k], 0 where there is none."""
    background = np.maximum(similarities[:, -1:], np.float32(floor))
    return np.maximum(similarities - background, np.float32(0.0))


def _followed(evidence: FloatArray, neighbours: Neighbours, piece: int, reach: IntArray, toll: float) -> _Followed:
    """The best path through a piece and its best stretch when every excerpt costs ``toll``."""
    grid, first_place = _grid(evidence, neighbours, piece)
    _, path = follow(grid.__getitem__, reach)
    on_path = grid[np.arange(len(path)), path]
    steps = np.diff(path)
    jumps = np.zeros(len(path), np.float32)
    jumps[1:] = JUMP_COST * ((steps < 0) | (steps > reach))
    return _Followed(piece, first_place + path, on_path, on_path - jumps, *_best_stretch(on_path - toll, jumps))


def _best_stretch(gains: FloatArray, jumps: FloatArray) -> tuple[float, int, int]:
    """The most that consecutive excerpts gain, and which: ``start`` to ``end``. Jumps between them are paid."""
    totals = np.concatenate([[0.0], np.cumsum(gains - jumps, dtype=np.float64)])
    before = totals[:-1] - jumps
    worths = totals[1:] - np.minimum.accumulate(before)
    last = int(worths.argmax())
    return float(worths[last]), int(before[: last + 1].argmin()), last + 1


def _agreement(evidence: FloatArray, neighbours: Neighbours, found: _Followed) -> float:
    """Share of the excerpts of a piece's stretch whose nearest place has evidence and is on its path."""
    rows = np.arange(found.start, found.end)
    nearest = evidence[rows].argmax(axis=1)
    here = (neighbours.pieces[rows, nearest] == found.piece) & (evidence[rows, nearest] > 0.0)
    on_path = np.abs(neighbours.places[rows, nearest] - found.path[rows]) <= NEAR_PLACES
    return float(np.mean(here & on_path))


def _candidates(evidence: FloatArray, pieces: IntArray, toll: float) -> IntArray:
    """The pieces with most votes beyond the toll, at most ``CANDIDATES``, all with some evidence."""
    identifiers, index = np.unique(pieces, return_inverse=True)
    best = np.zeros((len(evidence), len(identifiers)), dtype=np.float32)
    rows = np.broadcast_to(np.arange(len(evidence))[:, None], evidence.shape)
    np.maximum.at(best, (rows, index.reshape(evidence.shape)), evidence)
    votes = best.sum(axis=0)
    beyond = np.maximum(best - np.float32(toll), np.float32(0.0)).sum(axis=0)
    order = np.lexsort((-votes, -beyond))[:CANDIDATES]
    best_first: IntArray = identifiers[order[votes[order] > 0.0]]
    return best_first


def _grid(evidence: FloatArray, neighbours: Neighbours, piece: int) -> tuple[FloatArray, int]:
    """A piece's evidence as [n, m] over its places from the first to the last neighbour, and the first's
    ordinal."""
    excerpts, columns = np.nonzero(neighbours.pieces == piece)
    places = neighbours.places[excerpts, columns]
    first = int(places.min())
    grid = np.zeros((len(evidence), int(places.max()) - first + 1), dtype=np.float32)
    grid[excerpts, places - first] = evidence[excerpts, columns]
    return grid, first


def _best_supported(evidence: FloatArray, times_s: npt.NDArray[np.float64], support_s: float) -> int:
    """The excerpt with evidence of its own whose neighbours in time hold most, weighted by their nearness.

    ``evidence`` float32 [n] along the path; the weights are triangular, 0 at ``support_s`` from the excerpt.
    """
    best, best_support = 0, -1.0
    for i in np.flatnonzero(evidence > 0.0):
        start, end = np.searchsorted(times_s, (times_s[i] - support_s, times_s[i] + support_s))
        weights = 1.0 - np.abs(times_s[start:end] - times_s[i]) / support_s
        support = float(weights @ evidence[start:end])
        if support > best_support:
            best, best_support = int(i), support
    return best
