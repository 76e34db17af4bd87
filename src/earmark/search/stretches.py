"""Evidence for pieces at every moment of a long recording → from when to when each of them is played.

A tape may hold many pieces, with talking and applause between, and music that no library has. So all moments are
decided together: of all sequences of pieces, and of nothing known, the one with most evidence is found (Viterbi). A
piece has to earn what an excerpt of music that is there earns at least, and to begin a piece costs as much as some
seconds of good evidence, so that a phrase that two pieces share is no reason to leave one for the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from earmark.schema import FloatArray

PLAYED = 0.08
"""Evidence, in units of cosine, that an excerpt of a piece that is played has at least, on average."""
BEGIN_COST = 2.0
"""What it costs to begin a piece: eight excerpts, two seconds, of what music that is there mostly has."""
WINDOW_S = 30.0
HOP_S = 10.0
"""A long recording is searched in windows so long, one every so often: short enough for one piece, long enough for it to
be named among many."""


@dataclass(frozen=True)
class Heard:
    """The excerpts ``start`` to ``end`` (not included) are of ``piece``, or of nothing known (None)."""

    start: int
    end: int
    piece: int | None


def windows(times_s: npt.NDArray[np.float64]) -> Iterator[slice]:
    """The excerpts of each window of a recording; windows without any are left out. ``times_s`` float64 [n] ascend."""
    last = float(times_s[-1]) if len(times_s) else 0.0
    for start_s in np.arange(0.0, max(HOP_S, last), HOP_S):
        start, end = np.searchsorted(times_s, (start_s, start_s + WINDOW_S))
        if start < end:
            yield slice(int(start), int(end))
        if start_s + WINDOW_S > last:
            return


def decide(evidence: Mapping[int, FloatArray], count: int) -> list[Heard]:
    """The best sequence for ``count`` excerpts, without gaps, in order.

    ``evidence`` float32 [count], less the jumps, is what speaks for a piece in each excerpt; 0 where it was not looked
    at.
    """
    if not count:
        return []
    pieces = list(evidence)
    gains = np.zeros((count, 1 + len(pieces)), np.float64)  # column 0: nothing known
    for i, piece in enumerate(pieces, start=1):
        gains[:, i] = evidence[piece] - PLAYED
    costs = np.full(1 + len(pieces), BEGIN_COST)
    costs[0] = 0.0
    totals = gains[0]  # what a recording begins with costs nothing: it may be cut out of a piece
    came_from = np.empty((count, 1 + len(pieces)), np.int64)
    states = np.arange(1 + len(pieces))
    for t in range(1, count):
        best = int(totals.argmax())
        changed = totals[best] - costs > totals
        came_from[t] = np.where(changed, best, states)
        totals = np.where(changed, totals[best] - costs, totals) + gains[t]
    path = np.empty(count, np.int64)
    path[-1] = totals.argmax()
    for t in range(count - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    heard, start = [], 0
    for state, run in groupby(path.tolist()):
        end = start + len(list(run))
        heard.append(Heard(start, end, pieces[state - 1] if state else None))
        start = end
    return heard
