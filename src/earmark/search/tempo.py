"""Where the music is at every moment → how fast it goes there. Arrays only.

A performance passes each position of the score at some time, so the time between two positions is how long it takes for
what is between them. Where a passage is played more than once, its first time counts.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def passes(times_s: Floats, strip_px: Floats, positions: Floats, longest_s: float) -> tuple[Floats, Floats]:
    """When each of ``positions`` is passed first, and how long it is from there to the next one; both float64 [n].

    ``times_s`` and ``strip_px`` float64 [m], ascending in time, are where the music is; where two moments are more than
    ``longest_s`` apart, or the music goes back, nothing is known between. ``positions`` float64 [n], strip px, ascend.
    NaN where a position is not passed, or left before the next one is reached; the last has no next.
    """
    first_s, lasts_s = np.full(len(positions), np.nan), np.full(len(positions), np.nan)
    broken = (np.diff(strip_px) < 0) | (np.diff(times_s) > longest_s)
    for start, stop in pairwise([0, *(np.flatnonzero(broken) + 1).tolist(), len(times_s)]):
        px, moments = strip_px[start:stop], times_s[start:stop]
        if len(px) < 2:
            continue
        inside = (positions >= px[0]) & (positions <= px[-1])
        passed = np.where(inside, np.interp(positions, px, moments), np.nan)
        lasts = np.append(np.diff(passed), np.nan)
        lasts[lasts <= 0] = np.nan
        first_s = np.where(np.isnan(first_s), passed, first_s)
        lasts_s = np.where(np.isnan(lasts_s), lasts, lasts_s)
    return first_s, lasts_s
