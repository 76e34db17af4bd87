"""Which of the pieces that a query resembles are the same music: editions, scans, copies of one work.

Two editions of a work fit a recording equally, and neither would stand out if the other counted against it. What
tells them from two works that share a phrase is not the query but the pages themselves: around the stretch that is
heard, the one piece leads through the other, forward, and its nearest place there is where the path is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from earmark.model.calibration import Background
from earmark.schema import FloatArray, IntArray
from earmark.search.path import follow_each, groups

CONTEXT = 50
"""Places before and after what is heard that have to go together, too: 400 strip px, some four bars."""
MOST_PLACES = 300
"""Places of a long stretch that are looked at, evenly spread ones."""
FASTEST = 2.5
"""Another edition's notes are at most this much farther apart."""
SAME_SHARE = 0.5
"""Of the places, those whose nearest in the other piece is on the path. Of stretches of 100 and of 300 places of the 19
validation pieces, 98 % reached 0.48 in degraded prints of themselves; the most that any reached in another piece was
0.37 (the six nearest of 280)."""
SAME_EVIDENCE = 0.1
"""Mean similarity above the background on the path; a piece of rests and held notes is near itself everywhere."""
NEAR_PLACES = 3
"""A place at most this far from the path is on it: 24 strip px, the width of two noteheads."""


def have_same_music(
    others: Sequence[FloatArray], piece: FloatArray, heard: IntArray, background: Background
) -> list[bool]:
    """Which of ``others`` have the music that ``piece`` has around its places ``heard``.

    ``piece`` and each of ``others`` float32 [n, dimension] are all places of a piece, in playing order.
    """
    start, end = max(0, int(heard.min()) - CONTEXT), min(len(piece), int(heard.max()) + CONTEXT + 1)
    chosen = np.unique(np.linspace(start, end - 1, min(end - start, MOST_PLACES)).round().astype(np.int64))
    places = piece[chosen]
    levels = background.levels(places)[:, None]
    reach: IntArray = np.ceil(np.diff(chosen) * FASTEST).astype(np.int64)
    same = []
    for group in groups(others, len(places)):
        evidence = np.maximum(places @ np.concatenate(group).T - levels, np.float32(0.0))
        starts = np.cumsum([0, *map(len, group)])
        path = follow_each(evidence, starts[:-1], reach)
        for own, (start, end) in zip(path.T, pairwise(starts), strict=True):
            on_path = evidence[np.arange(len(own)), own]
            off = np.abs(start + evidence[:, start:end].argmax(axis=1) - own)
            nearest = (off <= NEAR_PLACES) & (on_path > 0.0)
            same.append(bool(nearest.mean() >= SAME_SHARE and on_path.mean() >= SAME_EVIDENCE))
    return same
