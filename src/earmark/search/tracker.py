"""Where in a piece the music is, as it is heard: excerpt by excerpt, through stops, repeats, skips and restarts.

The same evidence and the same paths as in `earmark.search.follow`, but only forwards, since what comes later is not
known yet: of all paths that end at a place, the best is remembered by what it has gathered. A place that no path leads
to is `JUMP_COST` behind the best one, so a player who begins anew elsewhere is found when what is heard there has made
up for that. Who practises jumps often, but seldom without a rest: after one, a jump costs little.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earmark.schema import FloatArray
from earmark.search.path import FASTEST_PX_PER_S, trailing_maximum

JUMP_COST = 0.7
JUMP_AFTER_REST = 0.1
"""In units of cosine; an excerpt that fits has 0.1 to 0.2. Tried were 0.15 to 1 and 0.05 to 0.15 on 24 sessions of
eight validation pieces: less finds back sooner, and follows more wrong notes."""
LONGEST_WAIT_S = 1.0
"""Of the silence between two excerpts, what the music may have moved on in."""
SPEED_S = 4.0
"""The end of the path that tells how fast it goes."""
Places = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Tracker:
    """Follows one piece whose places are ``hop_px`` strip px apart.

    It begins where ``likely`` bool [places] says, or after a jump anywhere else.
    """

    def __init__(self, likely: npt.NDArray[np.bool_], hop_px: float) -> None:
        self._hop_px = hop_px
        self._totals = np.where(likely, np.float32(0.0), np.float32(-JUMP_COST))
        self._last_s: float | None = None
        self._jump_cost = JUMP_COST
        self._path: list[int] = []
        self._times_s: list[float] = []
        self._evidence: list[float] = []

    def rest(self) -> None:
        """Nothing is played for a moment: what comes next may be anywhere."""
        self._jump_cost = JUMP_AFTER_REST

    def hear(self, evidence: FloatArray, time_s: float) -> None:
        """Takes the evidence of the next excerpt for every place, float32 [places], 0 where there is none."""
        if self._last_s is not None:
            wait_s = time_s - self._last_s
            reach = int(np.ceil(FASTEST_PX_PER_S * min(wait_s, LONGEST_WAIT_S) / self._hop_px))
            elsewhere = self._totals.max() - np.float32(self._jump_cost)
            self._totals = np.maximum(trailing_maximum(self._totals, reach), elsewhere)
        self._last_s, self._jump_cost = time_s, JUMP_COST
        self._totals = self._totals + evidence
        self._totals -= self._totals.max()
        at = int(self._totals.argmax())
        self._path.append(at)
        self._times_s.append(time_s)
        self._evidence.append(float(evidence[max(0, at - 1) : at + 2].max()))
        old = int(np.searchsorted(self._times_s, time_s - SPEED_S))
        del self._path[:old], self._times_s[:old], self._evidence[:old]

    @property
    def evidence(self) -> float:
        """The mean evidence, in units of cosine, at the places of the last `SPEED_S`; 0 before anything is heard."""
        return float(np.mean(self._evidence)) if self._evidence else 0.0

    def at(self, time_s: float) -> float:
        """The place, with its fraction, that is played at ``time_s``, at or after the last excerpt."""
        path, times_s = np.array(self._path, np.int64), np.array(self._times_s)
        return min(place_at(time_s, path, times_s, self._hop_px), len(self._totals) - 1.0)


def place_at(time_s: float, path: Places, times_s: Floats, hop_px: float) -> float:
    """The place, with its fraction, to which a path has gone on at ``time_s``, at or after its end."""
    return float(path[-1]) + speed(path, times_s, hop_px) * min(time_s - float(times_s[-1]), LONGEST_WAIT_S)


def speed(path: Places, times_s: Floats, hop_px: float) -> float:
    """Places a second at the end of a path: the median over all pairs of its last `SPEED_S`, since its last jump."""
    recent = int(np.searchsorted(times_s, times_s[-1] - SPEED_S))
    steps, gaps_s = np.diff(path[recent:]), np.diff(times_s[recent:])
    jumps = np.flatnonzero((steps < 0) | (steps > np.ceil(gaps_s * FASTEST_PX_PER_S / hop_px)))
    start = recent + (int(jumps[-1]) + 1 if len(jumps) else 0)
    places, moments_s = path[start:], times_s[start:]
    if len(places) < 2:
        return 0.0
    one, other = np.triu_indices(len(places), 1)
    return float(np.median((places[other] - places[one]) / (moments_s[other] - moments_s[one])))
