"""Which of the pieces that a query resembles are the same music: editions, scans, copies of one work.

Two editions of a work fit a recording equally, and neither would stand out if the other counted against it. What
tells them from two works that share a phrase is not the query but the pages themselves: around the stretch that is
heard, the one piece leads through the other, forward, and its nearest place there is where the path is.
"""

from __future__ import annotations

import numpy as np

from earmark.model.calibration import Background
from earmark.schema import FloatArray, IntArray
from earmark.search.path import follow_each

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


def is_same_music(piece: FloatArray, heard: IntArray, other: FloatArray, background: Background) -> bool:
    """Whether ``other`` has the music that ``piece`` has around its places ``heard``.

    ``piece`` and ``other`` float32 [n, dimension] are all places of two pieces, in playing order.
    """
    start, end = max(0, int(heard.min()) - CONTEXT), min(len(piece), int(heard.max()) + CONTEXT + 1)
    chosen = np.unique(np.linspace(start, end - 1, min(end - start, MOST_PLACES)).round().astype(np.int64))
    places = piece[chosen]
    evidence = np.maximum(places @ other.T - background.levels(places)[:, None], np.float32(0.0))
    reach: IntArray = np.ceil(np.diff(chosen) * FASTEST).astype(np.int64)
    path = follow_each(evidence, np.zeros(1, np.int64), reach)[:, 0]
    on_path = evidence[np.arange(len(path)), path]
    nearest = (np.abs(evidence.argmax(axis=1) - path) <= NEAR_PLACES) & (on_path > 0.0)
    return bool(nearest.mean() >= SAME_SHARE and on_path.mean() >= SAME_EVIDENCE)
