"""Whether two recordings are of one take: the same performance, copied, cut or played back at another speed.

Nobody plays a piece twice with the same timing. So the moments at which the same music is heard in both lie on a line
if it is one take, whatever room, microphone or codec came between; of two performances they wander off any line.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LEAST_S = 20.0
"""Shorter music may keep time with another performance by chance."""
FASTEST = 1.1
"""A copy's speed against the other's, at most: tapes and discs run wrong by some per cent."""
OFF_S = 0.1
"""From the line, half of the moments at least. Excerpts are a quarter of a second apart, so copies are 0.06 s off."""
LOST_S, KEPT = 0.5, 0.8
"""What is further off is another note; of the moments, so many are not."""

Floats = npt.NDArray[np.float64]


def are_one_take(times_s: Floats, others_s: Floats) -> bool:
    """Whether what is heard at ``times_s`` in one recording, float64 [n], ascending, and at ``others_s`` in another
    keeps time."""
    if len(times_s) < 2 or times_s[-1] - times_s[0] < LEAST_S:
        return False
    # The line of Theil and Sen, by pairs that lie half the stretch apart: a few wrong moments do not move it.
    half = len(times_s) // 2
    speed = float(np.median((others_s[half:] - others_s[:-half]) / (times_s[half:] - times_s[:-half])))
    off_s = others_s - speed * times_s
    off_s = np.abs(off_s - np.median(off_s))
    keeps_time = float(np.median(off_s)) <= OFF_S and float((off_s <= LOST_S).mean()) >= KEPT
    return keeps_time and 1 / FASTEST <= speed <= FASTEST
