"""Evidence for pieces at every moment of a long recording → from when to when each of them is played.

A tape may hold many pieces, with talking and applause between, and music that no library has. So all moments are
decided together: of all sequences of pieces, and of nothing known, the one with most evidence is found (Viterbi). A
piece has to earn what an excerpt of music that is there earns at least, and to begin a piece costs as much as some
seconds of good evidence, so that a phrase that two pieces share is no reason to leave one for the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from earmark.schema import FloatArray
from earmark.search.follow import best_stretch

PLAYED = 0.04
"""Evidence, in units of cosine, that an excerpt of a piece that is played has at least, on average."""
UNLIKE = 0.1
"""What an excerpt without any evidence speaks against a piece: of other music, most have none."""
BEGIN_COST = 2.0
"""What it costs to begin a piece: as much as five seconds without any evidence, so what is shorter is no gap."""
WINDOW_S = 30.0
HOP_S = 10.0
"""A long recording is searched in windows so long, one every so often: short enough for one piece, long enough for it
to be named among many."""


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


def decide(
    evidence: Iterable[tuple[int, FloatArray]],
    is_music: npt.NDArray[np.bool_],
    played: float = PLAYED,
    unlike: float = UNLIKE,
) -> list[Heard]:
    """The best sequence for all excerpts, without gaps, in order.

    ``evidence``, of a piece, float32 [n], less the jumps, is what speaks for it in each excerpt; 0 where it was not
    looked at. What of the sound ``is_music``, bool [n], alone can speak for a piece. ``played`` and ``unlike`` are in
    units of cosine, see `PLAYED` and `UNLIKE`.
    """
    count = len(is_music)
    if not count:
        return []
    pieces, columns = [], [np.zeros(count, np.float32)]  # first: nothing known
    for piece, found in evidence:
        earned = np.where(found > 0.0, found * is_music - played, -unlike).astype(np.float32)
        if _pays(earned):
            pieces.append(piece)
            columns.append(earned)
    gains = np.stack(columns, axis=1)
    costs = np.full(1 + len(pieces), BEGIN_COST)
    costs[0] = 0.0
    totals = gains[0].astype(np.float64)  # what a recording begins with costs nothing: it may be cut out of a piece
    has_changed, changed_from = np.zeros(gains.shape, np.bool_), np.zeros(count, np.int64)
    for t in range(1, count):
        best = int(totals.argmax())
        changed_from[t] = best
        has_changed[t] = totals[best] - costs > totals
        totals = np.where(has_changed[t], totals[best] - costs, totals) + gains[t]
    path = np.empty(count, np.int64)
    path[-1] = totals.argmax()
    for t in range(count - 1, 0, -1):
        path[t - 1] = changed_from[t] if has_changed[t, path[t]] else path[t]
    heard: list[Heard] = []
    start = 0
    for state, run in groupby(path.tolist()):
        end = start + len(list(run))
        # A piece begins and ends with music that is its own.
        first, last = best_stretch(gains[start:end, state], np.zeros(end - start))[1:] if state else (0, end - start)
        bounds = [(start, start + first, None), (start + first, start + last, state), (start + last, end, None)]
        heard += [Heard(a, b, pieces[piece - 1] if piece else None) for a, b, piece in bounds if a < b]
        start = end
    return _merged(heard)


def _pays(gains: FloatArray) -> bool:
    """Whether a piece can be in the best sequence, by its gains float32 [n]: some stretch of it earns more than it
    costs to begin there. Else nothing known would be better."""
    totals = np.concatenate([[0.0], np.cumsum(gains, dtype=np.float64)])
    most = (totals - np.minimum.accumulate(totals)).max()
    return bool(most > BEGIN_COST or totals.max() > 0.0)  # what a recording begins with costs nothing


def _merged(heard: list[Heard]) -> list[Heard]:
    """Neighbours of nothing known are one."""
    merged: list[Heard] = []
    for one in heard:
        if merged and merged[-1].piece is None and one.piece is None:
            merged[-1] = Heard(merged[-1].start, one.end, None)
        else:
            merged.append(one)
    return merged
